#include <cstdint>

#include "storage/base/failure.h"
#include "storage/base/varint.h"
#include "storage/filer.h"

namespace storage {
namespace {

constexpr char kVersion = 1;

enum Flags : unsigned char { has_expect = 1, exec_bit = 2, expect_exec_bit = 4, has_src_mtime = 8, known_flags = 15 };

using base::put_varint;

void put_signed(std::string& out, std::int64_t value) {
    put_varint(out, base::zigzag(value));
}

[[noreturn]] void corrupt() {
    throw base::Failure(base::Fault::corrupt, "decoding a row of fs_todo");
}

// Takes values off the front of a row.
class Reader {
  public:
    explicit Reader(std::string_view octets) : rest_(octets) {}

    unsigned char octet() {
        if (rest_.empty()) corrupt();
        const auto value = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    std::uint64_t varint() {
        const auto value = base::take_varint(rest_);
        if (!value) corrupt();
        return *value;
    }
    std::int64_t signed_varint() { return base::unzigzag(varint()); }
    std::string text() {
        const std::uint64_t length = varint();
        if (length > rest_.size()) corrupt();
        std::string value(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return value;
    }
    bool done() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

}  // namespace

std::string encode_expect(const FileStep& step) {
    unsigned flags = 0;
    if (step.expect) flags |= has_expect;
    if (step.exec) flags |= exec_bit;
    if (step.expect && step.expect->exec) flags |= expect_exec_bit;
    if (step.src_mtime_ns) flags |= has_src_mtime;
    std::string out{kVersion, static_cast<char>(flags)};
    put_signed(out, step.node);
    put_signed(out, step.mtime_ns);
    put_varint(out, step.src_ino);
    if (step.src_mtime_ns) put_signed(out, *step.src_mtime_ns);
    put_varint(out, step.keep.size());
    out += step.keep;
    if (!step.expect) return out;
    const FileFacts& facts = *step.expect;
    put_varint(out, static_cast<std::uint64_t>(facts.kind));
    put_varint(out, facts.dev);
    put_varint(out, facts.ino);
    put_signed(out, facts.size);
    put_signed(out, facts.mtime_ns);
    put_signed(out, facts.ctime_ns);
    put_varint(out, facts.links);
    return out;
}

void decode_expect(std::string_view octets, FileStep& into) {
    Reader reader(octets);
    if (reader.octet() != kVersion) corrupt();
    const unsigned char flags = reader.octet();
    if ((flags & ~known_flags) != 0) corrupt();
    into.exec = (flags & exec_bit) != 0;
    into.node = reader.signed_varint();
    into.mtime_ns = reader.signed_varint();
    into.src_ino = reader.varint();
    into.src_mtime_ns.reset();
    if (flags & has_src_mtime) into.src_mtime_ns = reader.signed_varint();
    into.keep = reader.text();
    into.expect.reset();
    if (flags & has_expect) {
        FileFacts facts;
        const std::uint64_t kind = reader.varint();
        if (kind > static_cast<std::uint64_t>(DiskKind::other)) corrupt();
        facts.kind = static_cast<DiskKind>(kind);
        facts.dev = reader.varint();
        facts.ino = reader.varint();
        facts.size = reader.signed_varint();
        facts.mtime_ns = reader.signed_varint();
        facts.ctime_ns = reader.signed_varint();
        facts.links = static_cast<std::uint32_t>(reader.varint());
        facts.exec = (flags & expect_exec_bit) != 0;
        into.expect = facts;
    }
    if (!reader.done()) corrupt();
}

}  // namespace storage
