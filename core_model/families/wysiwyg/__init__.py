"""WYSIWYG SDF-GAN (arXiv 2401.02411): generator, decoders, proposal network, presets."""
