/// The version of tlmlp. This line is the one place where it stands: CMake and the Python package read it here.
#pragma once

#define TLMLP_VERSION "0.1.0"
