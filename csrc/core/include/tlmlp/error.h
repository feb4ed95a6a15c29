#pragma once

#include <stdexcept>

namespace tlmlp {

/// Every error that a user can cause: one line with what was expected, what came, and what to do.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace tlmlp
