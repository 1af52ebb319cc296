/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, put among the metrics. Reads /proc/self; any thread. */
#ifndef RECORD_PROCSTAT_H
#define RECORD_PROCSTAT_H

/* To be called now and then, and before the figures are shown. */
void procstat_publish(void);

#endif
