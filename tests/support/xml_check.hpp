// SPDX-License-Identifier: MIT
// XML by expat: proves that our SVG is well-formed, and looks into it.
#pragma once

#include <expat.h>

#include <map>
#include <memory>
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
  explicit XmlReader(std::string_view text) : text_(text) {}

  /// All elements in document order.  Throws std::runtime_error if the document is not well-formed.
  std::vector<XmlElement> read() {
    const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
        XML_ParserCreate(nullptr), &XML_ParserFree);
    XML_SetUserData(parser.get(), this);
    XML_SetElementHandler(parser.get(), open, close);
    XML_SetCharacterDataHandler(parser.get(), add_text);
    if (XML_Parse(parser.get(), text_.data(), static_cast<int>(text_.size()), XML_TRUE) !=
        XML_STATUS_OK)
      throw std::runtime_error("not well-formed: line " +
                               std::to_string(XML_GetCurrentLineNumber(parser.get())) + ": " +
                               XML_ErrorString(XML_GetErrorCode(parser.get())));
    return elements_;
  }

 private:
  static void open(void* user, const XML_Char* name, const XML_Char** attributes) {
    auto& self = *static_cast<XmlReader*>(user);
    XmlElement element;
    element.name = name;
    for (; *attributes; attributes += 2) element.attributes[attributes[0]] = attributes[1];
    self.stack_.push_back(self.elements_.size());
    self.elements_.push_back(std::move(element));
  }
  static void close(void* user, const XML_Char*) {
    static_cast<XmlReader*>(user)->stack_.pop_back();
  }
  static void add_text(void* user, const XML_Char* text, int size) {
    auto& self = *static_cast<XmlReader*>(user);
    self.elements_[self.stack_.back()].text.append(text, static_cast<std::size_t>(size));
  }

  std::string_view text_;
  std::vector<XmlElement> elements_;
  std::vector<std::size_t> stack_;
};

}  // namespace lldm::testing
