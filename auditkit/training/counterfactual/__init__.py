"""Training of counterfactual generators by progressive exaggeration."""
