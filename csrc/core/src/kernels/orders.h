#pragma once

#include "tlmlp/network.h"

static_assert(tlmlp::network::max_spherical == 12, "TLMLP_EACH_ORDER lists the orders below it");

/// CASE(l) for each order l of the spherical basis, for a switch whose cases take the order as a template argument.
#define TLMLP_EACH_ORDER(CASE)                                                                                         \
    CASE(0) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11)
