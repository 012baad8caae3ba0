"""A study from its file to what may be concluded: check, lock, fit, open the test set, predict."""
