// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "lldm/model/matrix.hpp"
#include "lldm/model/model_shape.hpp"

namespace lldm {

/// What a model of this shape takes in memory: weights as they are stored.
[[nodiscard]] double weight_bytes(const ModelShape& shape, const Precision& precision);

/// Of it, the matrices of blocks: what may be streamed.
[[nodiscard]] double block_matrix_bytes(const ModelShape& shape, const Precision& precision);

/// What is wrong with a model of `needed` bytes where there are `available`: two lines, what is
/// needed against what there is, and the sizes behind it; "" if it fits.
[[nodiscard]] std::string model_size_problem(const ModelShape& shape, double needed,
                                             std::int64_t available);

/// Refuses a model that this machine cannot hold, before anything is allocated.
/// Errors  ConfigError "where: ...".
void require_model_fits(const ModelShape& shape, const Precision& precision,
                        const std::string& where);

/// "3.64 TiB" of any number of bytes.
[[nodiscard]] std::string size_text(double bytes);

}  // namespace lldm
