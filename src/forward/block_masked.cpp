// SPDX-License-Identifier: MIT
#include "lldm/forward/block_masked.hpp"

#include <utility>

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

BlockMaskedProcess::BlockMaskedProcess(const Options& options, const Services& services)
    : BlockMaskedProcess(options.block_size, MaskedProcess({.schedule = options.schedule,
                                                            .mask_token = options.mask_token},
                                                           services)) {}

BlockMaskedProcess::BlockMaskedProcess(std::int64_t block_size, MaskedProcess within)
    : block_size_(block_size), within_(std::move(within)) {
  if (block_size < 1)
    throw ConfigError(message("[forward_process] block_masked: block_size = ", block_size,
                              " is no number of tokens\n  legal: 1 to 65536"));
}

}  // namespace lldm
