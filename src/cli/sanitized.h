/* SPDX-License-Identifier: Apache-2.0 */
/* Is this a sanitizer build? LeakSanitizer traces its own process at exit, which the sandbox forbids. */
#ifndef CLI_SANITIZED_H
#define CLI_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#endif
