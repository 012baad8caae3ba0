"""How many images does a model need? Many trainings, one figure."""
