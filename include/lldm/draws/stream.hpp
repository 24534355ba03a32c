// SPDX-License-Identifier: MIT
// Random numbers as a pure function of what they are for: never of batch order, batch size,
// micro-batch, process count, device or resume point (docs/definitions.md, "Draws").
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lldm {

/// A finite-state reader of one keyed Philox4x32-10 sequence.
///
/// Two streams with different keys are independent for all practical purposes; the same key gives
/// the same numbers on every machine.
/// Source  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
class Stream {
 public:
  Stream(std::uint64_t key, std::uint64_t subsequence) : key_(key), subsequence_(subsequence) {}

  /// 32 fresh random bits.
  std::uint32_t bits();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in (0, 1): never 0, for logarithms.
  double uniform_open();
  /// Uniform integer in [0, bound), exactly (rejection).  ShapeError if bound < 1.
  std::int64_t below(std::int64_t bound);
  /// Standard normal (Box-Muller; one value a call).
  double normal();
  /// A uniformly random subset of {0..n-1} of the given size, ascending.
  std::vector<std::int64_t> subset(std::int64_t n, std::int64_t size);
  /// A uniformly random order of {0..n-1} (Fisher-Yates).
  std::vector<std::int64_t> permutation(std::int64_t n);

 private:
  std::uint64_t key_;
  std::uint64_t subsequence_;
  std::uint64_t block_ = 0;
  std::uint32_t buffer_[4] = {};
  int used_ = 4;
};

/// What a draw is for.  Values are part of the key and never renumbered.
enum class Purpose : std::uint32_t {
  noise = 1,       // noised copies of a text, for a score
  order = 2,       // order of the rows of an epoch
  length = 3,      // random lengths in pretraining
  sampling = 4,    // Gumbel noise and random order of a sampler
  data = 5,        // generated rows
  injection = 6,   // injected errors
  initialise = 7,  // initial weights
  bootstrap = 8,   // resampling for intervals
  evaluation = 9,  // noised copies of held-out texts
  selection = 10,  // which samples become pairs
  dropout = 11,    // what an adapter does not see in a training step
};

/// The draws of one stage of one run: `(seed, stage)` fixed, the rest of the key given per stream.
class Draws {
 public:
  Draws(std::uint64_t seed, std::string_view stage);

  /// The stream of one (purpose, epoch, row, answer, evaluation).
  [[nodiscard]] Stream stream(Purpose purpose, std::uint64_t epoch = 0, std::uint64_t row = 0,
                              std::uint64_t answer = 0, std::uint64_t evaluation = 0) const;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_;
  std::uint64_t stage_;
};

/// The draws of one answer of one row in one epoch: what a score estimator is handed.
class TextDraws {
 public:
  TextDraws(const Draws& draws, Purpose purpose, std::uint64_t epoch, std::uint64_t row,
            std::uint64_t answer)
      : draws_(&draws), purpose_(purpose), epoch_(epoch), row_(row), answer_(answer) {}

  /// The stream of one evaluation (or replicate) of this text.
  [[nodiscard]] Stream stream(std::uint64_t evaluation) const {
    return draws_->stream(purpose_, epoch_, row_, answer_, evaluation + offset_);
  }
  /// The draws of an independent repetition of the whole plan; number 0 is these draws.
  [[nodiscard]] TextDraws repetition(std::int64_t number) const {
    TextDraws other = *this;
    other.offset_ += static_cast<std::uint64_t>(number) << 48;
    return other;
  }
  /// The stream that all answers of the row have in common.
  [[nodiscard]] Stream stream_of_row(std::uint64_t evaluation) const {
    return draws_->stream(purpose_, epoch_, row_, ~std::uint64_t{0}, evaluation + offset_);
  }

 private:
  const Draws* draws_;
  Purpose purpose_;
  std::uint64_t epoch_, row_, answer_;
  std::uint64_t offset_ = 0;
};

}  // namespace lldm
