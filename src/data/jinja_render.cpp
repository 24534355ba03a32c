// SPDX-License-Identifier: MIT
#include "data/jinja_render.hpp"

#include <algorithm>
#include <utility>

#include "data/jinja_builtins.hpp"
#include "data/jinja_evaluator.hpp"
#include "lldm/errors.hpp"

namespace lldm::jinja {
namespace {

enum class Flow : std::uint8_t { on, leave, next };

class Renderer : private Evaluator {
 public:
  Renderer(const Dict& names, const RenderLimits& limits) : Evaluator(names, limits) {}

  std::string run_all(const Node& root) {
    try {
      run(root);
    } catch (const Failure& failure) {
      throw Failure(message("line ", line_, ": ", failure.what()));
    }
    return std::move(out_);
  }

 private:
  void write(std::string_view text) {
    if (out_.size() + text.size() > limits_.max_bytes) throw Failure("the text grows too long");
    out_ += text;
  }
  Flow run(const Node& node) {
    const Step step(*this, node);
    switch (node.kind) {
      case NodeKind::block:
        for (const NodePtr& child : node.children)
          if (const Flow flow = run(*child); flow != Flow::on) return flow;
        return Flow::on;
      case NodeKind::written:
        write(node.text);
        return Flow::on;
      case NodeKind::output:
        write(evaluate(*node.children[0]).printed());
        return Flow::on;
      case NodeKind::branch:
        return branch(node);
      case NodeKind::loop:
        return loop(node);
      case NodeKind::assign:
        assign(node, evaluate(*node.children[0]));
        return Flow::on;
      case NodeKind::assign_block:
        assign(node, Value::of(captured(*node.children[0])));
        return Flow::on;
      case NodeKind::macro:
        set(node.text, macro(node));
        return Flow::on;
      case NodeKind::leave:
        return Flow::leave;
      case NodeKind::next:
        return Flow::next;
      default:
        throw Failure("a statement is missing");
    }
  }

  Flow branch(const Node& node) {
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2)
      if (evaluate(*node.children[i]).is_true()) return run(*node.children[i + 1]);
    return node.children.size() % 2 == 1 ? run(*node.children.back()) : Flow::on;
  }

  std::string captured(const Node& body) {
    std::string outer = std::exchange(out_, {});
    run(body);
    return std::exchange(out_, std::move(outer));
  }

  void set(const std::string& name, Value value) {
    for (auto& [key, old] : scopes_.back().items)
      if (key == name) {
        old = std::move(value);
        return;
      }
    scopes_.back().items.emplace_back(name, std::move(value));
  }

  void assign(const Node& node, Value value) {
    if (!node.text.empty()) {
      Dict& space = look_up(node.names.front()).dict();
      if (!space.is_namespace) throw Failure("members are set of a namespace alone");
      if (value.is_dict() && value.dict().is_namespace)
        throw Failure("a namespace stands in another value");
      for (auto& [key, old] : space.items)
        if (key == node.text) {
          old = std::move(value);
          return;
        }
      space.items.emplace_back(node.text, std::move(value));
      return;
    }
    unpack(node.names, std::move(value));
  }
  void unpack(const std::vector<std::string>& names, Value value) {
    if (names.size() == 1) return set(names.front(), std::move(value));
    const List items = items_of(value);
    if (items.size() != names.size()) throw Failure("names and values differ in number");
    for (std::size_t i = 0; i < names.size(); ++i) set(names[i], items[i]);
  }

  Flow loop(const Node& node) {
    List items = items_of(evaluate(*node.children[0]));
    if (const Node* condition = node.children[1].get())
      std::erase_if(items, [&](const Value& item) {
        scopes_.emplace_back();
        unpack(node.names, item);
        const bool is_kept = evaluate(*condition).is_true();
        scopes_.pop_back();
        return !is_kept;
      });
    if (items.empty() && node.children[3]) return run(*node.children[3]);
    for (std::size_t i = 0; i < items.size(); ++i) {
      scopes_.emplace_back();
      unpack(node.names, items[i]);
      set("loop", loop_state(items, i));
      const Flow flow = run(*node.children[2]);
      scopes_.pop_back();
      if (flow == Flow::leave) break;
    }
    return Flow::on;
  }
  static Value loop_state(const List& items, std::size_t i) {
    const auto number = [](std::size_t n) { return Value::of(static_cast<std::int64_t>(n)); };
    const std::size_t size = items.size();
    Dict out{{{"index", number(i + 1)},
              {"index0", number(i)},
              {"revindex", number(size - i)},
              {"revindex0", number(size - i - 1)},
              {"first", Value::of(i == 0)},
              {"last", Value::of(i + 1 == size)},
              {"length", number(size)}}};
    if (i > 0) out.items.emplace_back("previtem", items[i - 1]);
    if (i + 1 < size) out.items.emplace_back("nextitem", items[i + 1]);
    return Value::of(std::move(out));
  }

  Value macro(const Node& node) {
    return Value::of(Function([this, &node](const Arguments& given) {
      if (given.positional.size() > node.names.size())
        throw Failure("a macro has fewer parameters");
      scopes_.emplace_back();
      for (std::size_t i = 0; i < node.names.size(); ++i) {
        Value value = Value::undefined(node.names[i]);
        if (i < given.positional.size())
          value = given.positional[i];
        else if (node.children[i])
          value = evaluate(*node.children[i]);
        for (const auto& [name, named] : given.named)
          if (name == node.names[i]) value = named;
        set(node.names[i], std::move(value));
      }
      std::string text = captured(*node.children.back());
      scopes_.pop_back();
      return Value::of(std::move(text));
    }));
  }

  std::string out_;
};

}  // namespace

std::string render(const Node& root, const Dict& names, const RenderLimits& limits) {
  return Renderer(names, limits).run_all(root);
}

}  // namespace lldm::jinja
