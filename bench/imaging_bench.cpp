// SPDX-License-Identifier: Apache-2.0
// What bench/imaging.sh measures of ours, one operation a process:
//   imaging_bench pack DISK FILE LEVEL     prints the frame tree to FILE.tree
//   imaging_bench restore|verify FILE FORMAT SIZE TARGET [threads|io_uring]
// A FILE.tree beside the file is used. Prints nothing else: the caller measures.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "imaging/image.hpp"
#include "imaging/pack.hpp"

namespace holdfast::imaging {
namespace {

int report(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 1;
}

int run_pack(const std::vector<std::string>& words) {
  PackSettings settings;
  settings.level = std::atoi(words.at(3).c_str());
  const auto packed = pack(words.at(1), words.at(2), settings, {});
  if (!packed) return report(packed.error());
  const auto text = to_text(packed->tree, packed->virtual_size);
  std::ofstream out{words.at(2) + ".tree"};
  out << text.frame_size << ' ' << text.root << '\n';
  for (const auto& frame : text.frames) out << frame << '\n';
  return out.flush() ? 0 : 1;
}

Result<Source> source_of(const std::vector<std::string>& words) {
  Source source;
  source.path = words.at(1);
  source.format = format_from_string(words.at(2)).value_or(Format::raw);
  source.virtual_size = std::strtoull(words.at(3).c_str(), nullptr, 10);
  std::ifstream in{source.path + ".tree"};
  TreeText text;
  if (!(in >> text.frame_size >> text.root)) return source;
  for (std::string frame; in >> frame;) text.frames.push_back(frame);
  source.tree = TRY(parse_tree(text, source.virtual_size, source.path));
  return source;
}

int run_image(const std::vector<std::string>& words) {
  const auto source = source_of(words);
  if (!source) return report(source.error());
  Options options;
  if (words.size() > 5) options.io = words[5] == "threads" ? IoKind::threads : IoKind::io_uring;
  if (words[0] == "verify") {
    const auto verified = verify(*source, options);
    return verified ? 0 : report(verified.error());
  }
  const auto restored = restore(*source, words.at(4), options);
  return restored ? 0 : report(restored.error());
}

}  // namespace
}  // namespace holdfast::imaging

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "pack") return holdfast::imaging::run_pack(words);
  if (words.size() >= 5) return holdfast::imaging::run_image(words);
  std::fprintf(stderr, "see the head of bench/imaging_bench.cpp\n");
  return 2;
}
