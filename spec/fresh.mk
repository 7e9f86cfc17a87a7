# The first minutes on fresh machines. Needs root, Linux and the network. Part of the Makefile.
#   make fresh RELEASES=trixie    one of them; spec/fresh/root runs any command on one
#   make fresh STEPS="demo rock"  some of the steps, by their names in spec/fresh/run

RELEASES = bookworm trixie

fresh: fresh-packages
	@STEPS="$(STEPS)" spec/fresh/run $(RELEASES)

fresh-packages:
	$(call packages,debootstrap git ca-certificates)

.PHONY: fresh fresh-packages
