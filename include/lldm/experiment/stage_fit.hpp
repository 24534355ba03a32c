// SPDX-License-Identifier: MIT
// What a kind of stage needs to find mistakes between its parts, from the file alone.
#pragma once

#include <string>
#include <string_view>

#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/experiment.hpp"

namespace lldm {

struct Services;

class StageFit {
 public:
  StageFit(const Experiment& experiment, const Stage& stage, const config::Value* table,
           const Registry& registry, const Services& services, config::Diagnostics& diagnostics)
      : experiment(experiment),
        stage(stage),
        registry(registry),
        services(services),
        table_(table),
        diagnostics_(diagnostics) {}

  const Experiment& experiment;
  const Stage& stage;
  const Registry& registry;
  const Services& services;  // without a tokenizer

  /// What the stage's own table gives for a key; null if nothing.
  [[nodiscard]] const config::Member* given(std::string_view key) const;
  /// An error at a key of the stage's own table; at the stage where it does not give the key.
  void error(std::string_view key, std::string_view what, std::string_view hint = "") const;

  /// Runs `make` and reports its ConfigError at `key`; false if there was one.
  template <class Make>
  bool tries(std::string_view key, const Make& make) const {
    try {
      make();
      return true;
    } catch (const ConfigError& refused) {
      error(key, refused.what());
      return false;
    }
  }

  /// A stage, named by `key`, that makes no model; a folder and "" pass.
  void require_model(std::string_view key, const std::string& name) const;
  /// Rows of an earlier stage that does not make them.
  void check_rows(const StageRows& rows) const;

  /// A canvas, given by `key`, that leaves no room for a prompt in the longest text of the model
  /// `from` (a stage, a folder; "": a new one).
  void check_canvas(std::string_view key, ResponseLength response_length,
                    const std::string& from) const;

 private:
  const config::Value* table_;
  config::Diagnostics& diagnostics_;
};

}  // namespace lldm
