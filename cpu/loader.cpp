#include <rill/cpu/loader.h>

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu {
namespace {

constexpr std::size_t absent = std::numeric_limits<std::size_t>::max();
constexpr std::size_t largest_image = std::size_t{1} << 28;

[[noreturn]] void refuse(const char* what) {
  throw FormatError(std::string("compiled kernel: ") + what);
}

/// Reads structures at offsets that the file itself gives.
class File {
 public:
  explicit File(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T at(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, part(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::span<const std::byte> part(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) refuse("it is cut short");
    return bytes_.subspan(offset, size);
  }
  /// A name in a string table.
  std::string_view text(const Elf64_Shdr& table, std::uint64_t offset) const {
    const auto all = part(table.sh_offset, table.sh_size);
    if (offset >= all.size()) refuse("a name lies outside its table");
    const auto* begin = reinterpret_cast<const char*>(all.data()) + offset;
    const void* end = std::memchr(begin, 0, all.size() - offset);
    if (end == nullptr) refuse("a name has no end");
    return {begin, static_cast<std::size_t>(static_cast<const char*>(end) - begin)};
  }

 private:
  std::span<const std::byte> bytes_;
};

/// One function outside of an object that it may call: kernels for processors without FMA.
double fused(double a, double b, double c) { return std::fma(a, b, c); }

/// What the object becomes in memory: its sections one after the other, then a jump to `fma`.
struct Image {
  std::vector<std::size_t> places;  ///< of each section; `absent` for those that are not loaded
  std::size_t stub = 0;
  std::size_t size = 0;
};
constexpr std::size_t stub_size = 16;

std::vector<Elf64_Shdr> sections_of(const File& file) {
  const auto header = file.at<Elf64_Ehdr>(0);
  const bool ours = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                    header.e_ident[EI_CLASS] == ELFCLASS64 &&
                    header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_type == ET_REL &&
                    header.e_machine == EM_X86_64 && header.e_shentsize == sizeof(Elf64_Shdr);
  if (!ours) refuse("it is no relocatable object for x86-64");
  std::vector<Elf64_Shdr> sections;
  file.part(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr));
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    sections.push_back(file.at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr)));
  }
  return sections;
}

Image lay_out(const std::vector<Elf64_Shdr>& sections) {
  Image image;
  image.places.assign(sections.size(), absent);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const Elf64_Shdr& section = sections[i];
    if ((section.sh_flags & SHF_ALLOC) == 0) continue;
    if ((section.sh_flags & (SHF_WRITE | SHF_TLS)) != 0) refuse("it has writable data");
    if (section.sh_type != SHT_PROGBITS && section.sh_type != SHT_X86_64_UNWIND)
      refuse("it has a section of an unknown kind");
    const std::uint64_t align = section.sh_addralign == 0 ? 1 : section.sh_addralign;
    if ((align & (align - 1)) != 0 || align > 4096)
      refuse("a section's alignment is no power of two");
    if (section.sh_size > largest_image) refuse("a section is too large");
    image.size = (image.size + align - 1) / align * align;
    image.places[i] = image.size;
    image.size += section.sh_size;
    if (image.size > largest_image) refuse("it is too large");
  }
  image.stub = (image.size + 15) / 16 * 16;
  image.size = image.stub + stub_size;
  return image;
}

/// Where a symbol lies in the image, `fma` standing for the jump to it.
std::size_t place_of(const Elf64_Sym& symbol, std::string_view name,
                     const std::vector<Elf64_Shdr>& sections, const Image& image) {
  if (symbol.st_shndx == SHN_UNDEF) {
    if (name != "fma") refuse("it needs a function that rill does not offer");
    return image.stub;
  }
  if (symbol.st_shndx >= sections.size() || image.places[symbol.st_shndx] == absent) {
    refuse("a symbol lies in no section");
  }
  if (symbol.st_value > sections[symbol.st_shndx].sh_size)
    refuse("a symbol lies outside its section");
  return image.places[symbol.st_shndx] + symbol.st_value;
}

std::byte* writable_memory(std::size_t size) {
  void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    throw detail::UnnamedError<OutOfMemoryError>("no memory for a compiled kernel");
  return static_cast<std::byte*>(mapped);
}

void make_executable(std::byte* memory, std::size_t size) {
  if (mprotect(memory, size, PROT_READ | PROT_EXEC) == 0) return;
  const int error = errno;
  if (error == ENOMEM)
    throw detail::UnnamedError<OutOfMemoryError>("no memory for a compiled kernel");
  throw NotExecutable(std::string("the system lets no memory become executable: ") +
                      std::strerror(error));
}

}  // namespace

std::string executable_memory_trouble() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::byte* const memory = writable_memory(page);
  std::string trouble;
  try {
    make_executable(memory, page);
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  munmap(memory, page);
  return trouble;
}

LoadedObject::LoadedObject(std::span<const std::byte> elf) {
  const File file(elf);
  const std::vector<Elf64_Shdr> sections = sections_of(file);
  const Image image = lay_out(sections);

  const Elf64_Shdr* symbols = nullptr;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type == SHT_SYMTAB) symbols = &section;
  }
  if (symbols == nullptr || symbols->sh_link >= sections.size()) refuse("it has no symbols");
  const Elf64_Shdr& names = sections[symbols->sh_link];
  const std::uint64_t symbol_count = symbols->sh_size / sizeof(Elf64_Sym);
  file.part(symbols->sh_offset, symbols->sh_size);
  const auto symbol = [&](std::uint64_t number) {
    if (number >= symbol_count) refuse("a symbol's number is out of range");
    return file.at<Elf64_Sym>(symbols->sh_offset + number * sizeof(Elf64_Sym));
  };

  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = (image.size + page - 1) / page * page;
  memory_ = writable_memory(size);
  size_ = size;
  try {
    for (std::size_t i = 0; i < sections.size(); ++i) {
      if (image.places[i] == absent) continue;
      const auto bytes = file.part(sections[i].sh_offset, sections[i].sh_size);
      if (!bytes.empty()) std::memcpy(memory_ + image.places[i], bytes.data(), bytes.size());
    }
    // jmp *(%rip), and the address behind it.
    constexpr unsigned char jump[8] = {0xff, 0x25, 0x02, 0x00, 0x00, 0x00, 0x90, 0x90};
    const auto target = reinterpret_cast<std::uintptr_t>(&fused);
    std::memcpy(memory_ + image.stub, jump, sizeof jump);
    std::memcpy(memory_ + image.stub + sizeof jump, &target, sizeof target);

    for (const Elf64_Shdr& section : sections) {
      if (section.sh_type == SHT_REL) refuse("it has relocations of an unknown kind");
      if (section.sh_type != SHT_RELA) continue;
      if (section.sh_info >= sections.size()) refuse("relocations are for no section");
      const std::size_t place = image.places[section.sh_info];
      if (place == absent) continue;  // of debugging notes
      const std::uint64_t room = sections[section.sh_info].sh_size;
      file.part(section.sh_offset, section.sh_size);
      for (std::uint64_t k = 0; k < section.sh_size / sizeof(Elf64_Rela); ++k) {
        const auto entry = file.at<Elf64_Rela>(section.sh_offset + k * sizeof(Elf64_Rela));
        const Elf64_Sym to = symbol(ELF64_R_SYM(entry.r_info));
        const auto kind = ELF64_R_TYPE(entry.r_info);
        const std::uint64_t width = kind == R_X86_64_64 ? 8 : 4;
        if (entry.r_offset > room || width > room - entry.r_offset)
          refuse("a relocation lies outside its section");
        const auto at = static_cast<std::int64_t>(place + entry.r_offset);
        const auto target_place =
            static_cast<std::int64_t>(place_of(to, file.text(names, to.st_name), sections, image));
        // What lies at the end of the instruction counts from there: 4 bytes further on, and 4 more
        // where a number of up to 4 bytes follows.
        const std::int64_t least = kind == R_X86_64_64 ? 0 : -8;
        constexpr std::int64_t limit = std::int64_t{1} << 30;
        if (entry.r_addend < -limit || entry.r_addend > limit)
          refuse("a relocation points outside");
        const std::int64_t meant = target_place + entry.r_addend;
        if (meant < least || meant >= static_cast<std::int64_t>(image.size))
          refuse("a relocation points outside");
        if (kind == R_X86_64_PC32 || kind == R_X86_64_PLT32) {
          const auto distance = static_cast<std::int32_t>(meant - at);
          std::memcpy(memory_ + at, &distance, sizeof distance);
        } else if (kind == R_X86_64_64) {
          const std::uint64_t address =
              reinterpret_cast<std::uintptr_t>(memory_) + static_cast<std::uint64_t>(meant);
          std::memcpy(memory_ + at, &address, sizeof address);
        } else {
          refuse("it has a relocation of an unknown kind");
        }
      }
    }

    for (std::uint64_t i = 0; i < symbol_count; ++i) {
      const Elf64_Sym each = symbol(i);
      if (ELF64_ST_TYPE(each.st_info) != STT_FUNC || each.st_shndx == SHN_UNDEF) continue;
      const std::string_view name = file.text(names, each.st_name);
      const std::size_t place = place_of(each, name, sections, image);
      if ((sections[each.st_shndx].sh_flags & SHF_EXECINSTR) == 0 ||
          each.st_value >= sections[each.st_shndx].sh_size) {
        refuse("a function is not in code");
      }
      const auto function = reinterpret_cast<kernel::KernelFunction>(memory_ + place);
      if (name == "run")
        run_ = function;
      else if (name == "finish")
        finish_ = function;
    }
    if (run_ == nullptr) refuse("it has no function to run");
    make_executable(memory_, size_);
  } catch (...) {
    munmap(memory_, size_);
    memory_ = nullptr;
    throw;
  }
}

LoadedObject::LoadedObject(LoadedObject&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      run_(std::exchange(other.run_, nullptr)),
      finish_(std::exchange(other.finish_, nullptr)) {}

LoadedObject& LoadedObject::operator=(LoadedObject&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(run_, other.run_);
  std::swap(finish_, other.finish_);
  return *this;
}

LoadedObject::~LoadedObject() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

}  // namespace rill::cpu
