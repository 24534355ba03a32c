// SPDX-License-Identifier: MIT
// LLaDA's generate(), token for token and canvas for canvas.
#include <iostream>
#include <map>
#include <set>

#include "golden/model_case.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "lldm/sampler/semi_autoregressive_padding.hpp"
#include "support/golden.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

using Canvas2d = std::vector<std::vector<std::int64_t>>;

json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  INFO(path.string());
  REQUIRE(in);
  return json::parse(in);
}

/// Every setting of a case; a key that is not read fails the test.
struct GenerateSettings {
  FixedLength::Options options;
  std::int64_t block_length = 0;
  SpecialTokens special;

  explicit GenerateSettings(const json& settings) {
    options.stop.stop_at_end_of_text = false;
    options.evaluation.compat = SamplerCompat::llada;
    for (const auto& [key, value] : settings.items()) read(key, value);
  }

 private:
  void read(const std::string& key, const json& value) {
    if (key == "steps")
      options.commit.steps = value;
    else if (key == "gen_length")
      options.canvas.response_length = value;
    else if (key == "block_length")
      block_length = value;
    else if (key == "temperature")
      options.commit.temperature = value;
    else if (key == "cfg_scale")
      options.guidance.cfg_scale = value;
    else if (key == "remasking")
      options.commit.remasking = value.get<std::string>().c_str();
    else if (key == "logits_eos_inf")
      options.stop.suppress_end_of_text = value;
    else if (key == "confidence_eos_eot_inf")
      options.stop.discount_end_of_text = value;
    else if (key == "mask_id")
      special.mask = value;
    else if (key == "eos_id")
      special.end_of_text = value;
    else if (key == "eot_id")
      special.end_of_turn = value;
    else
      FAIL("a setting that this test does not know: " << key);
  }
};

SamplerParts make_parts(const GenerateSettings& g) {
  REQUIRE((g.options.commit.remasking.type() == "random" ||
           g.options.commit.remasking.type() == "low_confidence"));
  const AnyCommitRule rule = g.options.commit.remasking.type() == "random"
                                 ? AnyCommitRule(RandomOrder())
                                 : AnyCommitRule(LowConfidence());
  const Draws draws(0, "golden");
  const auto& o = g.options;
  if (g.block_length == o.canvas.response_length)
    return FixedLength(o, g.special, draws, rule).parts();
  const SemiAutoregressivePadding::Options blocks{.common = o, .block_length = g.block_length};
  return SemiAutoregressivePadding(blocks, g.special, draws, rule).parts();
}

RecordedNoise recorded_noise(const json& calls, const TensorMap& tensors,
                             std::set<std::string>& used) {
  std::vector<at::Tensor> token, confidences;
  for (const auto& call : calls) {
    const auto name = call[0].get<std::string>(), function = call[1].get<std::string>();
    INFO(name);
    REQUIRE(tensors.contains(name));
    REQUIRE(tensors.at(name).sizes().vec() == call[2].get<std::vector<std::int64_t>>());
    REQUIRE((function == "rand_like" || function == "rand"));
    (function == "rand_like" ? token : confidences).push_back(tensors.at(name));
    used.insert(name);
  }
  return {token, confidences};
}

std::vector<SampleRequest> requests_of(const json& entry) {
  std::vector<SampleRequest> out;
  for (const auto& prompt : entry["prompt"]) {
    SampleRequest request{.prompt = prompt.get<std::vector<std::int64_t>>(), .row = out.size()};
    if (!entry["attention_mask"].is_null())
      for (const auto& flag : entry["attention_mask"][out.size()])
        request.visible.push_back(flag.get<int>() == 1);
    out.push_back(std::move(request));
  }
  return out;
}

// One case at one batch size.
void check_case(const json& entry, const Transformer& model, const SamplerParts& parts,
                const RecordedNoise& noise) {
  const auto requests = requests_of(entry);
  const auto results =
      DiffusionSampler<Transformer>(parts).sample(model, requests, noise, Trace::canvases);
  REQUIRE(results.size() == requests.size());
  const auto steps = entry["trace"].size();
  for (std::size_t b = 0; b < results.size(); ++b) {
    INFO("row " << b);
    CHECK(results[b].trace.back() == entry["final"][b].get<std::vector<std::int64_t>>());
    REQUIRE(results[b].trace.size() == steps);
    for (std::size_t k = 0; k < steps; ++k) {
      INFO("trace " << k);
      CHECK(results[b].trace[k] == entry["trace"][k].get<Canvas2d>()[b]);
    }
    CHECK(results[b].num_forwards ==
          static_cast<std::int64_t>(steps - 1) * (parts.guidance.is_on() ? 2 : 1));
  }
}

}  // namespace

TEST_CASE("The samplers reproduce every case of golden/llada_generate, trace by trace",
          "[golden][sampler]") {
  set_deterministic_environment();
  const auto folder = golden_root() / "llada_generate";
  REQUIRE(std::filesystem::is_directory(folder));
  TensorMap tensors;
  std::vector<std::filesystem::path> case_files;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    INFO(item.path().string() << " is of a kind that this test does not read");
    const auto extension = item.path().extension();
    REQUIRE((extension == ".json" || extension == ".safetensors"));
    if (extension == ".safetensors")
      tensors.merge(load_safetensors(item.path()));
    else if (item.path().filename() != "manifest.json")
      case_files.push_back(item.path());
  }
  REQUIRE_FALSE(case_files.empty());

  std::map<std::string, int> kinds;
  std::set<std::string> used;
  int count = 0;
  for (const auto& file : case_files) {
    const json recorded = read_json(file);
    const Transformer model =
        load_golden_model(folder / recorded["model"].get<std::string>(), at::kFloat);
    for (const auto& entry : recorded["cases"]) {
      INFO(file.filename().string() << " " << entry["name"]);
      const GenerateSettings settings(entry["settings"]);
      SamplerParts parts = make_parts(settings);
      const RecordedNoise noise = recorded_noise(entry["uniform_calls"], tensors, used);
      check_case(entry, model, parts, noise);
      parts.batch_size = 1;
      check_case(entry, model, parts, noise);

      ++count;
      const auto& o = settings.options;
      ++kinds[settings.block_length == o.canvas.response_length ? "fixed_length"
                                                                : "semi_autoregressive_padding"];
      kinds["random order"] += o.commit.remasking.type() == "random";
      kinds["guidance"] += o.guidance.cfg_scale > 0.0;
      kinds["temperature"] += o.commit.temperature > 0.0;
      kinds["suppressed end of text"] += o.stop.suppress_end_of_text;
      kinds["discounted end of text"] += o.stop.discount_end_of_text;
      kinds["attention mask"] += !entry["attention_mask"].is_null();
      kinds["several rows"] += entry["prompt"].size() > 1;
    }
  }
  for (const auto& item : tensors) {
    INFO(item.first << " is recorded but was not fed");
    CHECK(used.contains(item.first));
  }
  std::cout << "golden/llada_generate: " << count << " cases, every trace entry";
  for (const auto& [kind, number] : kinds) std::cout << "; " << number << " " << kind;
  std::cout << "\n";

  if (std::filesystem::exists(folder / "manifest.json"))
    CHECK(count == read_json(folder / "manifest.json")["cases"].get<int>());
  const auto listed = read_json(golden_root() / "manifest_models.json")["folders"];
  if (listed.contains("llada_generate"))
    CHECK(count == listed["llada_generate"]["cases"].get<int>());
}
