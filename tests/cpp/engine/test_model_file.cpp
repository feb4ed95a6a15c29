// The reader of model files: a good file opens, a damaged one gives an error and nothing else. Run under the address
// sanitizer (TLMLP_SANITIZE) this also shows that no byte outside the file is read.
#include "random_model.h"
#include "json.h"
#include "support.h"

namespace {

using tlmlp::Error;
using tlmlp::engine::Json;
using tlmlp::engine::ModelFile;

ModelSizes tiny() { return {1, 2, 2, 2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 3.0}; }

/// The bytes in memory of exactly their size, so that reading past the end is seen.
bool opens(const std::string &bytes, bool only_error = true) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    try {
        ModelFile::from_bytes({exact.data(), exact.size()}, "x.pt");
        return true;
    } catch (const Error &error) {
        expect(std::string(error.what()).find('\n') == std::string::npos, "an error is one line");
    } catch (const std::exception &error) {
        expect(!only_error, std::string("only tlmlp::Error may come, got ") + error.what());
    }
    return false;
}

void test_checksums() {
    using namespace tlmlp::engine;
    expect(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "sha256 of abc");
    expect(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256 of nothing");
    expect(sha256(std::string(119, 'a')) == sha256(std::string(119, 'a')) &&
               sha256(std::string(64, 'a')) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
           "sha256 of a whole block");
    expect(crc32("123456789") == 0xCBF43926u, "crc32");
}

void test_json() {
    const Json json = Json::parse(R"( {"a":[1,-2.5e3,true,null],"b":{"c":"x\n\u00e9\ud83d\ude00"}} )", "text");
    expect(json.at("a").array()[1].number() == -2500.0, "number");
    expect(json.at("b").at("c").string() == "x\n\xc3\xa9\xf0\x9f\x98\x80", "string");
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
        expect_error<Error>([&] { Json::parse(bad, "text"); }, "text", std::string("JSON ") + bad);
    }
    expect_error<Error>([&] { Json::parse(std::string(100000, '['), "text"); }, "nested", "deep JSON");
    expect_error<Error>([&] { Json::parse("{\"a\\n\\u001b[31m\":1,\"a\\n\\u001b[31m\":2}", "text"); },
                        "'a??[31m' given twice", "what a file says is cleaned");
    const Json whole = Json::parse("[7, 7.0, 7e0, 5e-324, 0e-400]", "text");
    expect(whole.array()[0].integer(0, 9) == 7, "whole number");
    expect_error<Error>([&] { whole.array()[1].integer(0, 9); }, "whole number", "7.0 is no whole number");
    expect_error<Error>([&] { whole.array()[2].integer(0, 9); }, "whole number", "7e0 is no whole number");
    expect(whole.array()[3].number() > 0.0 && whole.array()[4].number() == 0.0, "small numbers");
    Json::Limits limits{100, 9, {"kept"}};
    const Json kept = Json::parse(R"({"kept":[1,2],"other":{"a":[]}})", "text", limits);
    expect(kept.find("other") == nullptr && kept.at("kept").array().size() == 2, "an unknown key is not kept");
    expect_error<Error>([&] { Json::parse(R"({"other":[1,2,3,4,5,6,7,8]})", "text", limits); }, "more than 9 values",
                        "values that are not kept count too");
    expect_error<Error>([&] { Json::parse(R"({"other":{"a":1,"a":1}})", "text", limits); }, "given twice",
                        "keys that are not kept stand once");
    expect_error<Error>([&] { Json::parse(std::string(101, ' '), "text", limits); }, "more than the 100 allowed",
                        "size");
    expect_error<Error>([&] { json.at("a").number(); }, "text.a must be a number", "type");
    expect_error<Error>([&] { json.at("z"); }, "no key 'z'", "key");
}

void test_damage(const std::string &good) {
    expect(opens(good), "a good file opens");
    for (std::size_t n = 0; n < good.size(); n += n < 200 || n + 400 > good.size() ? 1 : 7) {
        expect(!opens(good.substr(0, n)), "truncated to " + std::to_string(n) + " bytes");
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
        expect(!opens(noise), "noise");
        expect(!opens(noise + zip_bytes({{"a/extra/tlmlp.json", noise}})), "noise in a zip");
    }
}

/// Damage behind intact checksums: the header and the tensors are rebuilt around it.
void test_hostile_contents(const ModelSizes &sizes, const Weights &weights) {
    const auto build = [&](const std::string &tensors, const std::string &header) {
        return zip_bytes({{"m/extra/tlmlp.json", header}, {"m/extra/weights.safetensors", tensors}});
    };
    const auto tensors = safetensors_bytes(weights);
    const auto refuse = [&](const std::string &data, const std::string &header, const char *words) {
        expect_error<Error>([&] { ModelFile::from_bytes(build(data, header), "x.pt"); }, words, words);
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
        expect(!opens(build(bad, header_json(sizes, bad))), "header size " + std::to_string(size));
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
    expect_error<Error>([&] { tlmlp::Engine::from_bytes(build(data, header_json(sizes, data))); },
                        "no weights named 'frequencies'", "missing weights");
    Weights wrong = weights;
    wrong["output.0.up.weight"] = {1, 2, {0.0, 0.0}};
    const std::string wrong_data = safetensors_bytes(wrong);
    expect_error<Error>([&] { tlmlp::Engine::from_bytes(build(wrong_data, header_json(sizes, wrong_data))); },
                        "must have shape (2, 2), got (1, 2)", "wrong shape");
    Weights fast = weights;
    fast["frequencies"].values[0] = 1e9;
    const std::string fast_data = safetensors_bytes(fast);
    expect_error<Error>([&] { ModelFile::from_bytes(build(fast_data, header_json(sizes, fast_data)), "x.pt"); },
                        "between -500 and 500", "a frequency without bound");
}

} // namespace

int main() {
    test_checksums();
    test_json();
    const ModelSizes sizes = tiny();
    const Weights weights = random_weights(sizes, 1);
    test_damage(model_bytes(sizes, weights));
    test_hostile_contents(sizes, weights);
    expect_error<Error>([] { ModelFile::from_path("/nonexistent/model.pt"); }, "cannot read", "a missing file");
    return report("test_model_file");
}
