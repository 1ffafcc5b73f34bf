"""The render worker and its GUI side: mailbox, shared-memory frames, process life cycle.

Only the worker's main imports torch.
"""
