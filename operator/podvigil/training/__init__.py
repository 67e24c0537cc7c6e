"""How a model is made, judged and written. Only this package may import TensorFlow."""
