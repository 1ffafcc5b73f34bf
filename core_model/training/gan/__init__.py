"""`triscope train`: adversarial training of WYSIWYG 3D GANs, from two CPU cores to many GPUs."""
