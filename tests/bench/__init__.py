"""What `make bench` measures, and the made-up clinics it measures on."""
