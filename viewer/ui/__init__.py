"""What every panel is drawn with: theme, fonts, property rows, layout, plots. Knows no panel."""
