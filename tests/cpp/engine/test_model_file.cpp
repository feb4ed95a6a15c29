// The reader of model files: a good file opens, a damaged one gives an error and nothing else. Run under the address
// sanitizer (TLMLP_SANITIZE) this also shows that no byte outside the file is read.
#include "random_model.h"
#include "json.h"
#include "check.h"

namespace {

using tlmlp::Error;
using tlmlp::engine::Json;
using tlmlp::engine::ModelFile;

/// The bytes in memory of exactly their size, so that reading past the end is seen.
bool opens(const std::string &bytes, bool only_error = true) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    try {
        ModelFile::from_bytes({exact.data(), exact.size()}, "x.pt");
        return true;
    } catch (const Error &error) {
        CHECK_MESSAGE(std::string(error.what()).find('\n') == std::string::npos, "an error is one line");
    } catch (const std::exception &error) {
        CHECK_MESSAGE(!only_error, "only tlmlp::Error may come, got ", error.what());
    }
    return false;
}

TEST_CASE("checksums") {
    using namespace tlmlp::engine;
    CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256(std::string(119, 'a')) == sha256(std::string(119, 'a')));
    CHECK(sha256(std::string(64, 'a')) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    CHECK(crc32("123456789") == 0xCBF43926u);
}

TEST_CASE("JSON") {
    const Json json = Json::parse(R"( {"a":[1,-2.5e3,true,null],"b":{"c":"x\n\u00e9\ud83d\ude00"}} )", "text");
    CHECK_SAME(json.at("a").array()[1].number(), -2500.0, "number");
    CHECK(json.at("b").at("c").string() == "x\n\xc3\xa9\xf0\x9f\x98\x80");
    for (const char *bad : {"",
                            "{",
                            "[1,]",
                            "{\"a\":1,}",
                            "{\"a\" 1}",
                            "nul",
                            "01x",
                            "1 2",
                            "\"\\q\"",
                            "\"\\u12\"",
                            "\"abc",
                            "[1e999]",
                            "{\"a\":1,\"a\":2}",
                            "\"\x01\"",
                            "\"\\ud800\\u0041\"",
                            "-",
                            "+1",
                            ".5",
                            "NaN",
                            "inf",
                            "01",
                            "-01",
                            "1.",
                            "1e",
                            "1e+",
                            "0x1",
                            "1e-400",
                            "\"\xe9\"",
                            "\"\xc0\xaf\"",
                            "\"\xed\xa0\x80\"",
                            "\"\xf4\x90\x80\x80\"",
                            "\"\\ud800\"",
                            "\"\\udc00\"",
                            "\"\xe2\x82\""}) {
        INFO("JSON ", bad);
        CHECK_ERROR(Json::parse(bad, "text"), "text", Error);
    }
    CHECK_ERROR(Json::parse(std::string(100000, '['), "text"), "nested", Error);
    CHECK_ERROR((Json::parse("{\"a\\n\\u001b[31m\":1,\"a\\n\\u001b[31m\":2}", "text")), "'a??[31m' given twice", Error);
    const Json whole = Json::parse("[7, 7.0, 7e0, 5e-324, 0e-400]", "text");
    CHECK_MESSAGE(whole.array()[0].integer(0, 9) == 7, "whole number");
    CHECK_ERROR(whole.array()[1].integer(0, 9), "whole number", Error);
    CHECK_ERROR(whole.array()[2].integer(0, 9), "whole number", Error);
    CHECK(whole.array()[3].number() > 0.0);
    CHECK_SAME(whole.array()[4].number(), 0.0, "small numbers");
    Json::Limits limits{100, 9, {"kept"}};
    const Json kept = Json::parse(R"({"kept":[1,2],"other":{"a":[]}})", "text", limits);
    CHECK_MESSAGE(kept.find("other") == nullptr, "an unknown key is not kept");
    CHECK(kept.at("kept").array().size() == 2);
    CHECK_ERROR((Json::parse(R"({"other":[1,2,3,4,5,6,7,8]})", "text", limits)), "more than 9 values", Error);
    CHECK_ERROR((Json::parse(R"({"other":{"a":1,"a":1}})", "text", limits)), "given twice", Error);
    CHECK_ERROR(Json::parse(std::string(101, ' '), "text", limits), "more than the 100 allowed", Error);
    CHECK_ERROR(json.at("a").number(), "text.a must be a number", Error);
    CHECK_ERROR(json.at("z"), "no key 'z'", Error);
}

struct Tiny {
    const ModelSizes sizes{1, 2, 2, 2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 3.0};
    const Weights weights = random_weights(sizes, 1);
};

TEST_CASE_FIXTURE(Tiny, "a good file opens, a damaged one gives an error") {
    const std::string good = model_bytes(sizes, weights);
    CHECK_MESSAGE(opens(good), "a good file opens");
    for (std::size_t n = 0; n < good.size(); n += n < 200 || n + 400 > good.size() ? 1 : 7) {
        CHECK_MESSAGE(!opens(good.substr(0, n)), "truncated to ", n, " bytes");
    }
    // A flipped bit is seen by a checksum, or lies where it means nothing (times, flags, the foreign entry).
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1 << at % 8);
        opens(bad);
    }
    std::mt19937_64 random(1);
    for (int trial = 0; trial < 3000; ++trial) { // several damaged places, also with absurd numbers
        std::string bad = good;
        for (int k = 0; k < 4; ++k) {
            const std::size_t at = random() % (bad.size() - 8);
            const std::string value =
                little_endian(random() % 2 ? ~0ull >> random() % 40 : random(), 1 << random() % 4);
            bad.replace(at, value.size(), value);
        }
        opens(bad);
    }
    for (int trial = 0; trial < 200; ++trial) { // foreign bytes
        std::string noise(random() % 3000, '\0');
        for (char &c : noise) {
            c = static_cast<char>(random());
        }
        CHECK_MESSAGE(!opens(noise), "noise");
        CHECK_MESSAGE(!opens(noise + zip_bytes({{"a/extra/tlmlp.json", noise}})), "noise in a zip");
    }
}

/// Damage behind intact checksums: the header and the tensors are rebuilt around it.
TEST_CASE_FIXTURE(Tiny, "damage behind intact checksums is refused") {
    const auto build = [&](const std::string &tensors, const std::string &header) {
        return zip_bytes({{"m/extra/tlmlp.json", header}, {"m/extra/weights.safetensors", tensors}});
    };
    const auto tensors = safetensors_bytes(weights);
    const auto refuse = [&](const std::string &data, const std::string &header, const char *words) {
        CHECK_ERROR(ModelFile::from_bytes(build(data, header), "x.pt"), words, Error);
    };
    const auto replaced = [](std::string text, const std::string &from, const std::string &to) {
        return text.replace(text.find(from), from.size(), to);
    };
    const std::string header = header_json(sizes, tensors);
    refuse(tensors, header_json(sizes, tensors, "2.0"), "format version '2.0'");
    refuse(tensors, replaced(header, "tlmlp-model", "other-model"), "must be 'tlmlp-model'");
    refuse(tensors, replaced(header, "\"network_length\":\"nm\"", "\"network_length\":\"pm\""), "must be 'nm'");
    refuse(tensors, replaced(header, "\"embed_size\":2", "\"embed_size\":1e9"), "embed_size must be a whole number");
    refuse(tensors, replaced(header, "\"zbl\":null", "\"zbl\":{}"), "inner");
    refuse(tensors, replaced(header, "\"zbl\":null", "\"zbl\":{\"inner\":2,\"outer\":1}"), "radii of the ZBL");
    refuse(tensors, replaced(header, "\"Si\":-1", "\"Xx\":-1"), "no key 'Si'");
    for (const std::uint64_t size : {0ull, 1ull, 1ull << 20, 1ull << 40, ~0ull, ~0ull - 7}) {
        std::string bad = tensors;
        bad.replace(0, 8, little_endian(size, 8));
        CHECK_MESSAGE(!opens(build(bad, header_json(sizes, bad))), "header size ", size);
    }
    std::mt19937_64 random(2);
    for (int trial = 0; trial < 3000; ++trial) { // a random character of the tensor table becomes another
        std::string bad = tensors;
        const std::size_t at = 8 + random() % 600;
        bad[at] = "0123456789,:[]{}\"-eF"[random() % 20];
        opens(build(bad, header_json(sizes, bad)));
    }
    const std::string text = header;
    for (int trial = 0; trial < 3000; ++trial) { // the same in tlmlp.json
        std::string bad = text;
        bad[random() % bad.size()] = "0123456789,:[]{}\"-e."[random() % 20];
        opens(build(tensors, bad));
    }
    Weights missing = weights;
    missing.erase("frequencies");
    const std::string data = safetensors_bytes(missing);
    CHECK_ERROR(tlmlp::Engine::from_bytes(build(data, header_json(sizes, data))), "no weights named 'frequencies'",
                Error);
    Weights wrong = weights;
    wrong["output.0.up.weight"] = {1, 2, {0.0, 0.0}};
    const std::string wrong_data = safetensors_bytes(wrong);
    CHECK_ERROR(tlmlp::Engine::from_bytes(build(wrong_data, header_json(sizes, wrong_data))),
                "must have shape (2, 2), got (1, 2)", Error);
    Weights fast = weights;
    fast["frequencies"].values[0] = 1e9;
    const std::string fast_data = safetensors_bytes(fast);
    CHECK_ERROR(ModelFile::from_bytes(build(fast_data, header_json(sizes, fast_data)), "x.pt"), "between -500 and 500",
                Error);
}

} // namespace

TEST_CASE("a missing file is refused") {
    CHECK_ERROR(ModelFile::from_path("/nonexistent/model.pt"), "cannot read", Error);
}
