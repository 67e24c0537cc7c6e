"""How good scores of pods are, against labels: pure functions on arrays, and the files that hold them.

Stands alone: it knows numpy, and nothing of how the scores were made. Used by `podvigil evaluate` and by
the benchmark; every figure is defined in docs/evaluation.md. No figure is point-adjusted: counting a whole
fault as found because one sample of it was makes random scores look excellent (Kim et al., AAAI 2022).
"""
