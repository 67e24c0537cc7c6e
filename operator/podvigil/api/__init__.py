"""What our custom resources, conditions, reasons and quantities look like. Knows nothing of the rest."""
