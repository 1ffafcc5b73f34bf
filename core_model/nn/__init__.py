"""StyleGAN2 modules that generators and discriminators are built from; plain torch, no compiled extension."""
