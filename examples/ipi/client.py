"""The i-PI side of a model: a client that answers i-PI's requests for energies, forces and stresses.

usage: python client.py MODEL STRUCTURE [ADDRESS]      ADDRESS of the unix socket in input.xml, "tlmlp" by default
"""

import sys

from ase.calculators.socketio import SocketClient
from ase.io import read

from tlmlp.calculators import TlmlpCalculator

if not 3 <= len(sys.argv) <= 4:
    sys.exit("usage: python client.py MODEL STRUCTURE [ADDRESS]")
model, structure, address = [*sys.argv[1:], "tlmlp"][:3]
atoms = read(structure)
atoms.calc = TlmlpCalculator(model)
SocketClient(unixsocket=address).run(atoms, use_stress=True)
