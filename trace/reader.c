/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/unpack_int.h"

#define BUFFER_BYTES (1u << 18)
#define FILE_HEADER_BYTES 24
#define PCAPNG_MAGIC 0x0a0d0d0au
#define PCAP_MODIFIED 0xa1b2cd34u

struct nvt_reader {
  char *path;
  FILE *file; /* libpcap's, closed by pcap_close() */
  pcap_t *pcap;
  struct nvt_unpack *unpack; /* of a compressed file; the stream's */
  const uint8_t *bytes;      /* of the last frame, libpcap's */
  uint32_t original;
  uint64_t size;
  uint64_t position;     /* of the next record */
  uint64_t number;       /* of the last record */
  uint32_t frame_header; /* bytes in front of each record; 0: pcapng, lengths not known from here */
};

__attribute__((format(printf, 4, 5))) static void
explain(struct nvt_reason *why, uint64_t offset, uint64_t record, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof(why->text), format, args);
  va_end(args);
  why->offset = offset;
  why->record = record;
}

static FILE *open_file(const char *path, struct nvt_reason *why, uint64_t *size) {
  bool is_stdin = strcmp(path, "-") == 0;
  /* A copy of standard input, since closing the reader closes it. */
  int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
  const char *name = is_stdin ? "standard input" : path;
  if (fd < 0) {
    explain(why, 0, 0, "%s: can't open: %s", name, strerror(errno));
    return NULL;
  }
  struct stat status;
  if (fstat(fd, &status) != 0) {
    explain(why, 0, 0, "%s: %s", name, strerror(errno));
    close(fd);
    return NULL;
  }
  if (S_ISDIR(status.st_mode)) {
    explain(why, 0, 0, "%s: is a directory, not a trace file", name);
    close(fd);
    return NULL;
  }
  *size = S_ISREG(status.st_mode) && status.st_size > 0 ? (uint64_t)status.st_size : 0;
  FILE *file = fdopen(fd, "rb");
  if (file == NULL) {
    explain(why, 0, 0, "%s: %s", name, strerror(errno));
    close(fd);
    return NULL;
  }
  setvbuf(file, NULL, _IOFBF, BUFFER_BYTES);
  return file;
}

/* The file's first four bytes, put back: which kind of file it is decides how
 * long its frames' headers are, and libpcap doesn't tell. */
static bool peek_magic(FILE *file, const char *name, uint32_t *magic, struct nvt_reason *why) {
  uint8_t bytes[4];
  size_t got = fread(bytes, 1, sizeof(bytes), file);
  if (ferror(file)) {
    explain(why, 0, 0, "%s: can't read: %s", name, strerror(errno));
    return false;
  }
  if (got == 0) {
    explain(why, 0, 0, "%s: is empty; a trace has at least its %d-byte file header", name,
            FILE_HEADER_BYTES);
    return false;
  }
  if (got < sizeof(bytes)) {
    explain(why, got, 0, "%s: ends at byte %zu, inside the %d-byte file header", name, got,
            FILE_HEADER_BYTES);
    return false;
  }
  for (size_t i = sizeof(bytes); i-- > 0;)
    if (ungetc(bytes[i], file) == EOF) {
      explain(why, 0, 0, "%s: can't read", name);
      return false;
    }
  memcpy(magic, bytes, sizeof(bytes));
  return true;
}

static const char *link_type_name(int type) {
  const char *name = pcap_datalink_val_to_name(type);
  return name != NULL ? name : "no name";
}

/* pcapng's block lengths stay inside libpcap: ask the stream, where it can say. */
static void update_position(struct nvt_reader *reader) {
  off_t at = ftello(reader->file);
  reader->position = at >= 0 ? (uint64_t)at : 0;
}

/* The same, and what is compressed becomes a stream of its content. On failure it is closed. */
static bool begin_stream(FILE **file, const char *name, uint32_t *magic, struct nvt_unpack **unpack,
                         struct nvt_reason *why) {
  bool good = peek_magic(*file, name, magic, why);
  if (good && *magic == NVT_UNPACK_MAGIC) {
    *file = nvt_unpack(*file, unpack);
    good = *file != NULL && peek_magic(*file, name, magic, why);
    if (*file == NULL)
      explain(why, 0, 0, "%s: out of memory", name);
    else if (nvt_unpack_error(*unpack) != NULL)
      explain(why, 0, 0, "%s: can't be uncompressed: %s", name, nvt_unpack_error(*unpack));
  }
  if (!good && *file != NULL)
    fclose(*file);
  return good;
}

bool nvt_reader_open_file(FILE *file, const char *name, struct nvt_reader **out,
                          struct nvt_reason *why) {
  memset(why, 0, sizeof(*why));
  uint32_t magic;
  struct nvt_unpack *unpack = NULL;
  if (!begin_stream(&file, name, &magic, &unpack, why))
    return false;
  struct nvt_reader *reader = calloc(1, sizeof(*reader));
  if (reader != NULL)
    reader->path = strdup(name);
  if (reader == NULL || reader->path == NULL) {
    explain(why, 0, 0, "%s: out of memory", name);
    free(reader);
    fclose(file);
    return false;
  }
  reader->unpack = unpack;
  char error[PCAP_ERRBUF_SIZE] = "";
  reader->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
  if (reader->pcap == NULL) {
    bool cut = feof(file) != 0;
    explain(why, 0, 0,
            cut ? "%s: ends inside the file header (%s)"
                : "%s: not a trace: nvmetap reads pcap and pcapng files (%s)",
            name, error);
    fclose(file);
    nvt_reader_close(reader);
    return false;
  }
  reader->file = file;
  /* libpcap takes two pieces of each record from it, and nobody else has it. */
  __fsetlocking(file, FSETLOCKING_BYCALLER);
  if (magic == PCAPNG_MAGIC)
    reader->frame_header = 0;
  else if (magic == PCAP_MODIFIED || magic == __builtin_bswap32(PCAP_MODIFIED))
    reader->frame_header = 24;
  else
    reader->frame_header = 16;
  reader->position = FILE_HEADER_BYTES;
  if (reader->frame_header == 0)
    update_position(reader);
  int type = pcap_datalink(reader->pcap);
  if (type != NVT_LINKTYPE) {
    explain(why, 20, 0,
            "%s: holds frames of link type %d (%s); nvmetap's traces have link type %d (%s)", name,
            type, link_type_name(type), NVT_LINKTYPE, link_type_name(NVT_LINKTYPE));
    nvt_reader_close(reader);
    return false;
  }
  *out = reader;
  return true;
}

bool nvt_reader_open(const char *path, struct nvt_reader **out, struct nvt_reason *why) {
  memset(why, 0, sizeof(*why));
  uint64_t size = 0;
  FILE *file = open_file(path, why, &size);
  if (file == NULL)
    return false;
  const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
  if (!nvt_reader_open_file(file, name, out, why))
    return false;
  (*out)->size = size;
  return true;
}

void nvt_reader_close(struct nvt_reader *reader) {
  if (reader == NULL)
    return;
  if (reader->pcap != NULL)
    pcap_close(reader->pcap);
  free(reader->path);
  free(reader);
}

static uint64_t time_of(const struct pcap_pkthdr *header) {
  /* libpcap takes pcap's unsigned 32-bit fields through signed ones. */
  int64_t seconds = header->ts.tv_sec;
  if (seconds < 0 && seconds >= INT32_MIN)
    seconds += (int64_t)UINT32_MAX + 1;
  uint64_t time_ns;
  if (seconds < 0 || __builtin_mul_overflow((uint64_t)seconds, 1000000000u, &time_ns) ||
      __builtin_add_overflow(time_ns, (uint64_t)(uint32_t)header->ts.tv_usec, &time_ns))
    return 0;
  return time_ns;
}

/* What is wrong with the compressed file, or NULL. Bytes that changed in it may make no sense
 * before the checksum at their frame's end is reached: where they don't, that is read first. */
static const char *damage(struct nvt_reader *reader) {
  char rest[4096];
  if (reader->unpack == NULL)
    return NULL;
  while (nvt_unpack_error(reader->unpack) == NULL && nvt_unpack_cut(reader->unpack) &&
         fread(rest, 1, sizeof(rest), reader->file) > 0)
    ;
  return nvt_unpack_error(reader->unpack);
}

static enum nvt_read refuse(struct nvt_reader *reader, struct nvt_reason *why) {
  uint64_t record = reader->number + 1;
  bool end = feof(reader->file) && !ferror(reader->file);
  const char *unpack = damage(reader);
  if (unpack != NULL) {
    explain(why, reader->position, record,
            "%s: can't be uncompressed further at record %" PRIu64 ": %s; all before it was read",
            reader->path, record, unpack);
    return NVT_READ_ERROR;
  }
  if (end) {
    if (reader->position == 0)
      explain(why, 0, record, "%s: cut short inside record %" PRIu64 "; all before it was read",
              reader->path, record);
    else
      explain(why, reader->position, record,
              "%s: cut short inside record %" PRIu64 ", which starts at byte %" PRIu64
              "; all before it was read",
              reader->path, record, reader->position);
    return NVT_READ_CUT;
  }
  explain(why, reader->position, record,
          "%s: can't read on at record %" PRIu64 ", byte %" PRIu64 ": %s", reader->path, record,
          reader->position, pcap_geterr(reader->pcap));
  return NVT_READ_ERROR;
}

enum nvt_read nvt_reader_next(struct nvt_reader *reader, struct nvt_record *out,
                              struct nvt_reason *why) {
  struct pcap_pkthdr *header;
  const u_char *bytes;
  int got = pcap_next_ex(reader->pcap, &header, &bytes);
  if (got == PCAP_ERROR_BREAK && (reader->unpack == NULL || !nvt_unpack_cut(reader->unpack)))
    return NVT_READ_END;
  if (got != 1)
    return refuse(reader, why);
  reader->number++;
  reader->bytes = bytes;
  reader->original = header->len;
  out->number = reader->number;
  out->offset = reader->position;
  out->time_ns = time_of(header);
  /* A frame longer than the file's own snap length is cut by libpcap, unsaid. */
  if (reader->frame_header != 0 && (int64_t)header->caplen < pcap_snapshot(reader->pcap))
    reader->position += reader->frame_header + (uint64_t)header->caplen;
  else
    update_position(reader);
  enum nvt_parse parse = nvt_record_parse(bytes, header->caplen, out);
  if (parse == NVT_PARSE_OK)
    return NVT_READ_OK;
  explain(why, out->offset, out->number, "%s: record %" PRIu64 " at byte %" PRIu64 ": %s",
          reader->path, out->number, out->offset, nvt_parse_reason(parse));
  return NVT_READ_FOREIGN;
}

const uint8_t *nvt_reader_bytes(const struct nvt_reader *reader) {
  return reader->bytes;
}

uint32_t nvt_reader_original(const struct nvt_reader *reader) {
  return reader->original;
}

uint64_t nvt_reader_size(const struct nvt_reader *reader) {
  return reader->size;
}

uint64_t nvt_reader_position(const struct nvt_reader *reader) {
  return reader->unpack != NULL ? nvt_unpack_taken(reader->unpack) : reader->position;
}
