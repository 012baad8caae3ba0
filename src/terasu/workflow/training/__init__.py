"""From images to prepared cases, from these to a trained model, and from a model to an improved image."""
