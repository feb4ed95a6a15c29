/// The version of tlmlp, in the one place where it stands. CMake and the Python package read it here.
#pragma once

#define TLMLP_VERSION "0.1.0"
