/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of its corpus directory: the regression half of fuzzing, for
 * compilers and sanitizers that have no libFuzzer. Fails if the corpus is missing or empty. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_file(const char *dir, const char *name)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) return -1;
	FILE *f = fopen(path, "rb");
	if (f == NULL) return -1;
	size_t cap = 4 << 20;
	uint8_t *bytes = malloc(cap);
	if (bytes == NULL) abort();
	size_t n = fread(bytes, 1, cap, f);
	fclose(f);
	/* An exact-size copy lets ASan see a read one byte past the input. */
	uint8_t *exact = malloc(n + (n == 0));
	if (exact == NULL) abort();
	memcpy(exact, bytes, n);
	free(bytes);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) return 2;
	DIR *d = opendir(argv[1]);
	if (d == NULL) {
		fprintf(stderr, "no corpus at %s\n", argv[1]);
		return 1;
	}
	size_t ran = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.') continue;
		if (replay_file(argv[1], e->d_name) != 0) {
			fprintf(stderr, "cannot read %s/%s\n", argv[1], e->d_name);
			return 1;
		}
		ran++;
	}
	closedir(d);
	printf("%zu corpus files replayed\n", ran);
	return ran == 0;
}
