// SPDX-License-Identifier: MIT
// Values of expressions, within limits; the renderer of statements builds on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/jinja_parser.hpp"
#include "data/jinja_render.hpp"

namespace lldm::jinja {

class Evaluator {
 protected:
  Evaluator(const Dict& names, const RenderLimits& limits) : limits_(limits) {
    scopes_.push_back(names);
  }
  /// One node that is run: counted, and its depth.
  class Step {
   public:
    Step(Evaluator& evaluator, const Node& node) : evaluator_(evaluator) {
      evaluator.line_ = node.line;
      evaluator.charge(1);
      if (++evaluator.depth_ > evaluator.limits_.max_depth)
        throw Failure("the template nests too deep");
    }
    ~Step() { --evaluator_.depth_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Evaluator& evaluator_;
  };

  void charge(std::size_t steps) {
    if ((steps_ += steps) > limits_.max_steps) throw Failure("the template runs too long");
  }
  /// A value that was made: what it costs counts, so that neither time nor memory grows unseen.
  Value charged(Value value) {
    if (value.is_text() && value.text().size() > limits_.max_bytes)
      throw Failure("a text grows too long");
    charge(value.weight());
    return value;
  }

  Value look_up(const std::string& name) const;
  Value evaluate(const Node& node);

  const RenderLimits& limits_;
  std::vector<Dict> scopes_;  // the innermost last
  std::size_t line_ = 1;      // of the node that is run

 private:
  Value list(const Node& node);
  Value dict(const Node& node);
  static Value attribute(const Value& object, const std::string& name);
  static Value item(const Value& object, const Value& key);
  Value slice(const Node& node);
  /// The children behind the first are arguments.
  Arguments arguments(const Node& node);
  Value call(const Node& node);
  Value unary(const Node& node);
  Value binary(const Node& node);
  static bool compared(const std::string& what, const Value& a, const Value& b);
  static Value checked_number(char what, std::int64_t a, std::int64_t b);

  std::size_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace lldm::jinja
