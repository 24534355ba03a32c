// SPDX-License-Identifier: MIT
// See ../context.h.
#pragma once

namespace gloo::transport {

class Device;
class UnboundBuffer;

}  // namespace gloo::transport
