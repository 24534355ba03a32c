// SPDX-License-Identifier: MIT
// A small, strict reader of XML: enough to prove that our SVG is well-formed and to look into it.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::testing {

struct XmlElement {
  std::string name, text;  // text: what stands directly in it, entities resolved
  std::map<std::string, std::string> attributes;
};

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : rest_(text) {}

  /// All elements in document order.  Throws std::runtime_error if the document is not well-formed.
  std::vector<XmlElement> read() {
    if (rest_.starts_with("<?xml")) rest_.remove_prefix(rest_.find("?>") + 2);
    while (!rest_.empty()) {
      if (rest_.starts_with("</")) {
        close();
      } else if (rest_[0] == '<') {
        open();
      } else {
        const auto text = unescaped(take_until('<'));
        if (!stack_.empty()) {
          elements_[stack_.back()].text += text;
        } else if (text.find_first_not_of(" \n") != text.npos) {
          fail("text outside the root");
        }
      }
    }
    if (!stack_.empty()) fail("an element is not closed: " + elements_[stack_.back()].name);
    if (elements_.empty()) fail("no element");
    return elements_;
  }

 private:
  [[noreturn]] static void fail(const std::string& text) {
    throw std::runtime_error("not well-formed: " + text);
  }

  std::string take_until(char end) {
    const auto size = std::min(rest_.find(end), rest_.size());
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

  std::string take_name() {
    std::size_t size = 0;
    while (size < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[size])) ||
                                   rest_[size] == '-' || rest_[size] == ':'))
      ++size;
    if (size == 0) fail("a name is missing");
    std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return name;
  }

  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }

  void expect(std::string_view text) {
    if (!rest_.starts_with(text)) fail("expected " + std::string(text));
    rest_.remove_prefix(text.size());
  }

  void open() {
    expect("<");
    if (stack_.empty() && !elements_.empty()) fail("two roots");
    XmlElement element;
    element.name = take_name();
    for (skip_space(); !rest_.empty() && rest_[0] != '>' && rest_[0] != '/'; skip_space()) {
      const auto name = take_name();
      expect("=\"");
      auto value = take_until('"');
      expect("\"");
      if (value.find('<') != value.npos) fail("< in an attribute");
      if (!element.attributes.emplace(name, unescaped(value)).second)
        fail("attribute twice: " + name);
    }
    elements_.push_back(element);
    if (rest_.starts_with("/>")) return expect("/>");
    expect(">");
    stack_.push_back(elements_.size() - 1);
  }

  void close() {
    expect("</");
    const auto name = take_name();
    expect(">");
    if (stack_.empty() || elements_[stack_.back()].name != name)
      fail("closed out of order: " + name);
    stack_.pop_back();
  }

  static std::string unescaped(std::string_view text) {
    static const std::map<std::string, std::string, std::less<>> entities = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};
    std::string result;
    while (!text.empty()) {
      if (static_cast<unsigned char>(text[0]) < 0x20 && text[0] != '\n') fail("control character");
      if (text[0] != '&') {
        result += text[0];
        text.remove_prefix(1);
        continue;
      }
      const auto end = text.find(';');
      const auto found = entities.find(text.substr(0, end + 1));
      if (end == text.npos || found == entities.end()) fail("unknown entity");
      result += found->second;
      text.remove_prefix(end + 1);
    }
    return result;
  }

  std::string_view rest_;
  std::vector<XmlElement> elements_;
  std::vector<std::size_t> stack_;
};

}  // namespace lldm::testing
