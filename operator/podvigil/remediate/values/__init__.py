"""Values of Kubernetes objects, read exactly: amounts, selectors, differences. Pure."""
