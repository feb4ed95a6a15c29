"""CHGNet 0.3.0, the pretrained model in the wheel, by its calculator for ASE: atoms' graph to 6 Å, bonds' graph to 3 Å,
float32. A call contains the calculator's graphs, and the stress and magnetic moments, which it always computes."""

import torch
from chgnet.model import CHGNet, CHGNetCalculator
from measure import measure_calculator

torch.set_num_threads(1)
model = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
measure_calculator(lambda system: CHGNetCalculator(model, use_device="cpu"), 6.0, "torch", "chgnet")
