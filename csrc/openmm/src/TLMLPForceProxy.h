#pragma once

#include <openmm/serialization/SerializationProxy.h>

namespace tlmlp {

/// TLMLPForce to XML and back, the model included: the text needs no other file.
class TLMLPForceProxy : public OpenMM::SerializationProxy {
  public:
    TLMLPForceProxy() : SerializationProxy("TLMLPForce") {}
    void serialize(const void *object, OpenMM::SerializationNode &node) const override;
    void *deserialize(const OpenMM::SerializationNode &node) const override;
};

} // namespace tlmlp
