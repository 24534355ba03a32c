// SPDX-License-Identifier: MIT
#include "data/jinja_render.hpp"

#include <algorithm>
#include <limits>

#include "data/jinja_builtins.hpp"
#include "lldm/errors.hpp"

namespace lldm::jinja {
namespace {

enum class Flow : std::uint8_t { on, leave, next };

class Renderer {
 public:
  Renderer(const Dict& names, const RenderLimits& limits) : limits_(limits) {
    scopes_.push_back(names);
  }

  std::string run_all(const Node& root) {
    try {
      run(root);
    } catch (const Failure& failure) {
      throw Failure(message("line ", line_, ": ", failure.what()));
    }
    return std::move(out_);
  }

 private:
  class Step {
   public:
    Step(Renderer& renderer, const Node& node) : renderer_(renderer) {
      renderer.line_ = node.line;
      renderer.charge(1);
      if (++renderer.depth_ > renderer.limits_.max_depth)
        throw Failure("the template nests too deep");
    }
    ~Step() { --renderer_.depth_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Renderer& renderer_;
  };

  void write(std::string_view text) {
    if (out_.size() + text.size() > limits_.max_bytes) throw Failure("the text grows too long");
    out_ += text;
  }
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

  // --- statements ---
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

  // --- expressions ---
  Value look_up(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      for (const auto& [key, value] : scope->items)
        if (key == name) return value;
    return global_function(name);
  }

  Value evaluate(const Node& node) {
    const Step step(*this, node);
    switch (node.kind) {
      case NodeKind::literal:
        return node.value;
      case NodeKind::name:
        return look_up(node.text);
      case NodeKind::list:
        return charged(list(node));
      case NodeKind::dict:
        return charged(dict(node));
      case NodeKind::attribute:
        return attribute(evaluate(*node.children[0]), node.text);
      case NodeKind::item:
        return item(evaluate(*node.children[0]), evaluate(*node.children[1]));
      case NodeKind::slice:
        return charged(slice(node));
      case NodeKind::call:
        return charged(call(node));
      case NodeKind::filter: {
        const Value value = evaluate(*node.children[0]);
        return charged(apply_filter(node.text, value, arguments(node)));
      }
      case NodeKind::test: {
        const Value value = evaluate(*node.children[0]);
        return Value::of(apply_test(node.text, value, arguments(node)));
      }
      case NodeKind::unary:
        return unary(node);
      case NodeKind::binary:
        return charged(binary(node));
      case NodeKind::condition:
        if (evaluate(*node.children[1]).is_true()) return evaluate(*node.children[0]);
        return node.children[2] ? evaluate(*node.children[2]) : Value();
      default:
        throw Failure(message(node.text, " is not implemented"));
    }
  }

  Value list(const Node& node) {
    List out;
    for (const NodePtr& child : node.children) out.push_back(evaluate(*child));
    return Value::of(std::move(out));
  }
  Value dict(const Node& node) {
    Dict out;
    for (std::size_t i = 0; i < node.children.size(); i += 2) {
      std::string key = evaluate(*node.children[i]).text();
      out.items.emplace_back(std::move(key), evaluate(*node.children[i + 1]));
    }
    return Value::of(std::move(out));
  }

  static Value attribute(const Value& object, const std::string& name) {
    if (object.is_undefined()) static_cast<void>(object.text());  // the failure that names it
    return object.is_dict() ? object.member(name) : Value::undefined(name);
  }
  static Value item(const Value& object, const Value& key) {
    if (key.is_text()) return attribute(object, key.text());
    if (object.is_dict() || object.is_none()) return Value::undefined("the item");
    if (object.is_undefined()) static_cast<void>(object.text());
    const List items = items_of(object);
    const auto size = static_cast<std::int64_t>(items.size());
    const std::int64_t at = key.integer() < 0 ? key.integer() + size : key.integer();
    if (at < 0 || at >= size) return Value::undefined("the item");
    return items[static_cast<std::size_t>(at)];
  }
  Value slice(const Node& node) {
    const auto part = [&](std::size_t i) {
      return node.children[i] ? evaluate(*node.children[i]) : Value::none();
    };
    const Value object = part(0);
    return slice_of(object, part(1), part(2), part(3));
  }

  /// The children behind the first are arguments.
  Arguments arguments(const Node& node) {
    Arguments out;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      const std::string& name = node.names[i - 1];
      if (name.empty())
        out.positional.push_back(evaluate(*node.children[i]));
      else
        out.named.emplace_back(name, evaluate(*node.children[i]));
    }
    return out;
  }
  Value call(const Node& node) {
    const Node& callee = *node.children[0];
    if (callee.kind == NodeKind::attribute) {
      const Value object = evaluate(*callee.children[0]);
      const Arguments given = arguments(node);
      if (auto done = call_method(object, callee.text, given)) return *done;
      const Value member = attribute(object, callee.text);
      if (!member.is_function())
        throw Failure(message("the method \"", callee.text, "\" is not implemented"));
      return member.function()(given);
    }
    const Value function = evaluate(callee);
    return function.function()(arguments(node));
  }

  Value unary(const Node& node) {
    const Value value = evaluate(*node.children[0]);
    if (node.text == "not") return Value::of(!value.is_true());
    return checked_number('-', 0, node.text == "-" ? value.integer() : -value.integer());
  }

  Value binary(const Node& node) {
    const std::string& what = node.text;
    const Value a = evaluate(*node.children[0]);
    if (what == "and") return a.is_true() ? evaluate(*node.children[1]) : a;
    if (what == "or") return a.is_true() ? a : evaluate(*node.children[1]);
    const Value b = evaluate(*node.children[1]);
    charge(a.weight() + b.weight());
    if (what == "==") return Value::of(a.equals(b));
    if (what == "!=") return Value::of(!a.equals(b));
    if (what == "in") return Value::of(contains(b, a));
    if (what == "not in") return Value::of(!contains(b, a));
    if (what == "~") return Value::of(a.printed() + b.printed());
    if (what[0] == '<' || what[0] == '>') return Value::of(compared(what, a, b));
    if (what == "+" && a.is_text()) return Value::of(a.text() + b.text());
    if (what == "+" && a.is_list()) {
      List out = a.list();
      out.insert(out.end(), b.list().begin(), b.list().end());
      return Value::of(std::move(out));
    }
    if (what == "/") throw Failure("a quotient with a point is not implemented");
    return checked_number(what == "//" ? '/' : what[0], a.integer(), b.integer());
  }

  static bool compared(const std::string& what, const Value& a, const Value& b) {
    const auto order =
        a.is_text() ? a.text() <=> b.text() : std::strong_ordering(a.integer() <=> b.integer());
    if (what == "<") return order < 0;
    if (what == "<=") return order <= 0;
    return what == ">" ? order > 0 : order >= 0;
  }

  static Value checked_number(char what, std::int64_t a, std::int64_t b) {
    std::int64_t out = 0;
    bool overflows = false;
    if (what == '+') overflows = __builtin_add_overflow(a, b, &out);
    if (what == '-') overflows = __builtin_sub_overflow(a, b, &out);
    if (what == '*') overflows = __builtin_mul_overflow(a, b, &out);
    if (what == '/' || what == '%') {
      overflows = b == 0 || (a == std::numeric_limits<std::int64_t>::min() && b == -1);
      if (overflows) throw Failure("a division by zero");
      const std::int64_t rest = a % b;
      const bool is_below = rest != 0 && (rest < 0) != (b < 0);  // Python rounds down
      out = what == '%' ? rest + (is_below ? b : 0) : a / b - (is_below ? 1 : 0);
    }
    if (overflows) throw Failure("a number grows too large");
    return Value::of(out);
  }

  const RenderLimits& limits_;
  std::vector<Dict> scopes_;
  std::string out_;
  std::size_t steps_ = 0, line_ = 1;
  int depth_ = 0;
};

}  // namespace

std::string render(const Node& root, const Dict& names, const RenderLimits& limits) {
  return Renderer(names, limits).run_all(root);
}

}  // namespace lldm::jinja
