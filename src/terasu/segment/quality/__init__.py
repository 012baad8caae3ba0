"""What can be said about a contour without a second one beside it. Measures only; limits are the policy's."""
