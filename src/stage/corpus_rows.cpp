// SPDX-License-Identifier: MIT
#include "stage/corpus_rows.hpp"

#include "lldm/data/corpus.hpp"
#include "lldm/draws/permutation.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// All rows but the first `held_out` of an order.
class Rest final : public RowSource {
 public:
  Rest(CorpusRows rows, CounterPermutation order, std::int64_t held_out)
      : rows_(std::move(rows)), order_(order), held_out_(held_out) {}

  [[nodiscard]] std::int64_t size() const override { return rows_.size() - held_out_; }
  [[nodiscard]] std::vector<TrainingRow> row(std::int64_t index) const override {
    const std::int64_t number = held_out_ > 0 ? order_.at(held_out_ + index) : index;
    return at(number);
  }
  [[nodiscard]] std::vector<TrainingRow> held(std::int64_t index) const {
    return at(order_.at(index));
  }

 private:
  [[nodiscard]] std::vector<TrainingRow> at(std::int64_t number) const {
    std::vector<TrainingRow> row;
    for (CorpusText& text : rows_.texts(number)) {
      row.push_back({.id = static_cast<std::uint64_t>(text.number), .answers = {}});
      row.back().answers.push_back({.prompt = {}, .response = std::move(text.tokens)});
    }
    return row;
  }

  CorpusRows rows_;
  CounterPermutation order_;
  std::int64_t held_out_;
};

}  // namespace

CorpusSource open_corpus(const DataOptions& data, const Writing& writing, std::int64_t held_out,
                         std::int64_t seed) {
  const std::string folder = data.corpus.string();
  const auto corpus = std::make_shared<const Corpus>(data.corpus);
  if (corpus->tokenizer() != writing.tokenizer->fingerprint())
    throw DataError(message(folder,
                            ": was packed with another tokenizer than the stage's\n  pack it "
                            "again with the model's folder, or file, as --tokenizer"));
  const std::int64_t length = data.length > 0 ? data.length : writing.max_length;
  if (length > writing.max_length)
    throw DataError(message(folder, ": length = ", length, " is more than the model's ",
                            writing.max_length, " tokens"));
  CorpusRows rows(corpus, data.packing == Packing::isolated, length);
  if (rows.size() <= held_out)
    throw DataError(message(folder, ": validation_rows = ", held_out, " leaves none of the ",
                            rows.size(), " rows to train on"));
  const Draws draws(static_cast<std::uint64_t>(seed), "held out of a corpus");
  const CounterPermutation order(draws.stream(Purpose::order), rows.size());
  const auto rest = std::make_shared<const Rest>(std::move(rows), order, held_out);
  CorpusSource source{rest, {}};
  for (std::int64_t i = 0; i < held_out; ++i)
    for (TrainingRow& text : rest->held(i)) source.held_out.push_back(std::move(text));
  return source;
}

}  // namespace lldm
