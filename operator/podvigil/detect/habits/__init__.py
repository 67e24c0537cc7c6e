"""What a trailing hour cannot know: daily and scheduled load, traffic, replicas, and how a pod starts.

Each file is one habit: arrays by workload or by slot, `read` before `learn`. A habit with too little
history says nothing (NaN, or 0 to subtract), and the score is that of the trailing hour exactly.
"""
