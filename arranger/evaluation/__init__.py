"""How good a fill is: measures, fillers side by side, tables."""
