// SPDX-License-Identifier: MIT
#include "data/jinja_parser.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "data/jinja_expressions.hpp"
#include "lldm/errors.hpp"

namespace lldm::jinja {
namespace {

class StatementParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  NodePtr run() {
    NodePtr root = block({});
    if (!is(TokenKind::end)) fail(message("\"", peek(1).text, "\" closes nothing"));
    return root;
  }

 private:
  /// Statements up to one that begins with a word of `ends`, which is not read.
  NodePtr block(std::span<const std::string_view> ends) {
    const Depth depth(*this);
    NodePtr out = node(NodeKind::block);
    while (!is(TokenKind::end)) {
      if (is(TokenKind::text)) {
        out->children.push_back(node(NodeKind::written, take().text));
      } else if (is(TokenKind::expression)) {
        take();
        NodePtr written = node(NodeKind::output);
        written->children.push_back(expression());
        expect(TokenKind::expression_end, "}}");
        out->children.push_back(std::move(written));
      } else {
        if (std::ranges::find(ends, peek(1).text) != ends.end()) return out;
        if (peek(1).text.starts_with("end") || peek(1).text.starts_with("el")) return out;
        take();
        if (NodePtr read = statement()) out->children.push_back(std::move(read));
      }
    }
    if (!ends.empty()) fail(message("\"", ends.back(), "\" is missing"));
    return out;
  }

  void begin_end(std::string_view word) {
    expect(TokenKind::statement, "{%");
    expect_word(word);
    end_tag();
  }
  void end_tag() { expect(TokenKind::statement_end, "%}"); }

  NodePtr statement() {
    const std::string word = take().text;
    if (word == "if") return branch();
    if (word == "for") return loop();
    if (word == "set") return assign();
    if (word == "macro") return macro();
    if (word == "generation") return generation();
    if (word == "break" || word == "continue") {
      end_tag();
      return node(word == "break" ? NodeKind::leave : NodeKind::next);
    }
    fail(message("the statement \"", word, "\" is not implemented"));
  }

  /// transformers' mark of what an assistant wrote: its content counts, the mark does not.
  NodePtr generation() {
    static constexpr std::array<std::string_view, 1> ends = {"endgeneration"};
    end_tag();
    NodePtr body = block(ends);
    begin_end("endgeneration");
    return body;
  }

  NodePtr branch() {
    static constexpr std::array<std::string_view, 3> ends = {"elif", "else", "endif"};
    NodePtr out = node(NodeKind::branch);
    out->children.push_back(expression());
    end_tag();
    out->children.push_back(block(ends));
    for (;;) {
      expect(TokenKind::statement, "{%");
      const std::string word = take().text;
      if (word == "elif")
        out->children.push_back(expression());
      else if (word != "else" && word != "endif")
        fail("\"endif\" is missing");
      end_tag();
      if (word == "endif") return out;
      out->children.push_back(block(ends));
      if (word == "else") break;
    }
    begin_end("endif");
    return out;
  }

  void read_targets(Node& out) {
    do {
      if (!is(TokenKind::name)) fail("a name is missing");
      out.names.push_back(take().text);
    } while (take_symbol(","));
  }

  NodePtr loop() {
    static constexpr std::array<std::string_view, 2> ends = {"else", "endfor"};
    NodePtr out = node(NodeKind::loop);
    read_targets(*out);
    expect_word("in");
    out->children.push_back(without_condition());
    out->children.push_back(take_word("if") ? expression() : nullptr);
    if (is_word("recursive")) fail("a recursive loop is not implemented");
    end_tag();
    out->children.push_back(block(ends));
    expect(TokenKind::statement, "{%");
    if (take_word("else")) {
      end_tag();
      out->children.push_back(block(std::span(ends).subspan(1)));
      expect(TokenKind::statement, "{%");
    } else {
      out->children.push_back(nullptr);
    }
    expect_word("endfor");
    end_tag();
    return out;
  }

  NodePtr assign() {
    static constexpr std::array<std::string_view, 1> ends = {"endset"};
    NodePtr out = node(NodeKind::assign);
    read_targets(*out);
    if (take_symbol(".")) out->text = take().text;
    if (take_symbol("=")) {
      out->children.push_back(expression_list());
      end_tag();
      return out;
    }
    end_tag();
    out->kind = NodeKind::assign_block;
    out->children.push_back(block(ends));
    begin_end("endset");
    return out;
  }

  NodePtr macro() {
    static constexpr std::array<std::string_view, 1> ends = {"endmacro"};
    NodePtr out = node(NodeKind::macro, take().text);
    expect_symbol("(");
    while (!take_symbol(")")) {
      out->names.push_back(take().text);
      out->children.push_back(take_symbol("=") ? expression() : nullptr);
      if (!is_symbol(")")) expect_symbol(",");
    }
    end_tag();
    out->children.push_back(block(ends));
    begin_end("endmacro");
    return out;
  }
};

}  // namespace

NodePtr parse(std::string_view source) { return StatementParser(tokens_of(source)).run(); }

}  // namespace lldm::jinja
