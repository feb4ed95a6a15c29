"""SevenNet-0 of 11 July 2024, the pretrained model in the wheel, by its calculator for ASE: five layers, l up to 2,
cutoff 5 Å, float32. A call contains the calculator's neighbour list, and the stress, which it always computes."""

import torch
from measure import measure_calculator
from sevenn.calculator import SevenNetCalculator

torch.set_num_threads(1)
measure_calculator(lambda system: SevenNetCalculator("7net-0", device="cpu"), 5.0, "torch", "sevenn", "e3nn")
