"""What was measured of a variant: size, quality, parity, latency, footprint. One call does it all: `variant.evaluate_model`."""
