"""Networks: plain torch modules that know no patient."""
