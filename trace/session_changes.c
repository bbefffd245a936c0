/* SPDX-License-Identifier: BSD-2-Clause */
/* Resets, enabling and shutdown: from the write that asks for one to where it is told to be done.
 */
#include <string.h>

#include "trace/session_int.h"

#define SHST_COMPLETE 2u

struct nvt_change *nvt_session_begin_change(struct nvt_session *session,
                                            struct nvt_controller_node *controller,
                                            enum nvt_change_kind kind, struct nvt_view *view) {
  struct nvt_change *change = &controller->changes_here[kind];
  if (session->options.keep)
    change = nvt_session_new_kept(session, sizeof(*change));
  controller->changes[kind] = change;
  if (change == NULL)
    return NULL;
  *change = (struct nvt_change){.kind = kind, .at = session->now};
  if (view->change == NULL)
    view->change = change;
  return change;
}

void nvt_session_reset_here(struct nvt_session *session, struct nvt_controller_node *controller,
                            bool always, struct nvt_view *view) {
  /* What a reset interrupts is never done. */
  controller->changes[NVT_CHANGE_ENABLE] = controller->changes[NVT_CHANGE_SHUTDOWN] = NULL;
  if (always || controller->state.outstanding != 0)
    controller->resetting = nvt_session_begin_change(session, controller, NVT_CHANGE_RESET, view);
  nvt_session_reset(session, controller);
  controller->resetting = NULL;
}

void nvt_session_changed_cc(struct nvt_session *session, struct nvt_controller_node *controller,
                            uint32_t cc_before, struct nvt_view *view) {
  uint32_t cc = controller->state.cc;
  if (NVT_GET(cc_before, CC_EN) == 0 && NVT_GET(cc, CC_EN) != 0) {
    controller->changes[NVT_CHANGE_RESET] = NULL;
    (void)nvt_session_begin_change(session, controller, NVT_CHANGE_ENABLE, view);
  }
  if (NVT_GET(cc_before, CC_SHN) == 0 && NVT_GET(cc, CC_SHN) != 0)
    (void)nvt_session_begin_change(session, controller, NVT_CHANGE_SHUTDOWN, view);
}

static void done(const struct nvt_session *session, struct nvt_change *change, bool *how,
                 struct nvt_view *view) {
  if (change == NULL || *how)
    return;
  *how = true;
  if (change->done.record == 0)
    change->done = session->now;
  if (view->change == NULL)
    view->change = change;
}

void nvt_session_saw_csts(struct nvt_session *session, struct nvt_controller_node *controller,
                          struct nvt_view *view) {
  uint32_t csts = controller->state.csts;
  struct nvt_change *shutdown = controller->changes[NVT_CHANGE_SHUTDOWN];
  struct nvt_change *enable = controller->changes[NVT_CHANGE_ENABLE];
  struct nvt_change *reset = controller->changes[NVT_CHANGE_RESET];
  if (NVT_GET(csts, CSTS_SHST) == SHST_COMPLETE && shutdown != NULL)
    done(session, shutdown, &shutdown->read, view);
  if (NVT_GET(csts, CSTS_RDY) != 0 && enable != NULL)
    done(session, enable, &enable->read, view);
  if (NVT_GET(csts, CSTS_RDY) == 0 && reset != NULL)
    done(session, reset, &reset->read, view);
}

void nvt_session_told(struct nvt_session *session, struct nvt_controller_node *controller,
                      unsigned event, struct nvt_view *view) {
  enum nvt_change_kind kind =
      event == NVT_V_event_event_READY ? NVT_CHANGE_ENABLE : NVT_CHANGE_SHUTDOWN;
  struct nvt_change *change = controller->changes[kind];
  if (change != NULL)
    done(session, change, &change->told, view);
}
