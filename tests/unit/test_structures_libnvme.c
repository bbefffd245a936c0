/* SPDX-License-Identifier: BSD-2-Clause */
/* Members' places against judges: libnvme's structs, and the ones that the controller fills. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

/* libnvme's headers convert signs as they like. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <libnvme.h>
#pragma GCC diagnostic pop

#include "nvme/identify.h"
#include "nvme/logs.h"
#include "nvme/structures.h"

static const struct nvt_member *member(enum nvt_structure_id id, const char *name) {
  size_t count;
  const struct nvt_member *rows = nvt_structure_members(nvt_structure_info(id), &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].kind != NVT_MEMBER_BITS && rows[i].kind != NVT_MEMBER_LENGTH &&
        strcmp(rows[i].id, name) == 0)
      return &rows[i];
  fail_msg("%s has no %s", nvt_structure_info(id)->id, name);
  return NULL;
}

/* Bytes of the member, all its elements together; 0 where it is open. */
static size_t bytes_of(const struct nvt_member *row) {
  size_t one = row->kind == NVT_MEMBER_ARRAY
                   ? nvt_structure_info((enum nvt_structure_id)row->element)->size
                   : row->size;
  return row->kind == NVT_MEMBER_VALUE ? one : row->other == NVT_ROW_NONE ? one * row->count : 0;
}

static void same(enum nvt_structure_id id, const char *name, size_t offset, size_t size) {
  const struct nvt_member *row = member(id, name);
  if (row->offset != offset)
    fail_msg("%s.%s is at %u, theirs at %zu", nvt_structure_info(id)->id, name, row->offset,
             offset);
  if (bytes_of(row) != 0 && size != 0 && bytes_of(row) != size)
    fail_msg("%s.%s has %zu bytes, theirs %zu", nvt_structure_info(id)->id, name, bytes_of(row),
             size);
}

#define SAME(s, id, type, field)                                                                   \
  same(NVT_STRUCTURE_##s, #id, offsetof(type, field), sizeof(((type *)0)->field))
/* A member without a size: a flexible array. */
#define STARTS(s, id, type, field) same(NVT_STRUCTURE_##s, #id, offsetof(type, field), 0)
#define SIZE(s, type) assert_int_equal(nvt_structure_info(NVT_STRUCTURE_##s)->size, sizeof(type))

static void identify_controller(void **state) {
  (void)state;
  SIZE(ID_CTRL, struct nvme_id_ctrl);
  SIZE(POWER_STATE, struct nvme_id_psd);
#define BOTH(id, theirs, ours)                                                                     \
  SAME(ID_CTRL, id, struct nvme_id_ctrl, theirs);                                                  \
  SAME(ID_CTRL, id, struct nvt_id_controller, ours)
  BOTH(VID, vid, vid);
  BOTH(SN, sn, sn);
  BOTH(MN, mn, mn);
  BOTH(FR, fr, fr);
  BOTH(RAB, rab, rab);
  BOTH(IEEE, ieee, ieee);
  BOTH(CMIC, cmic, cmic);
  BOTH(MDTS, mdts, mdts);
  BOTH(CNTLID, cntlid, cntlid);
  BOTH(VER, ver, ver);
  BOTH(RTD3R, rtd3r, rtd3r);
  BOTH(RTD3E, rtd3e, rtd3e);
  BOTH(OAES, oaes, oaes);
  BOTH(CTRATT, ctratt, ctratt);
  BOTH(RRLS, rrls, rrls);
  BOTH(CNTRLTYPE, cntrltype, cntrltype);
  BOTH(FGUID, fguid, fguid);
  BOTH(NVMSR, nvmsr, nvmsr);
  BOTH(VWCI, vwci, vwci);
  BOTH(MEC, mec, mec);
  BOTH(OACS, oacs, oacs);
  BOTH(ACL, acl, acl);
  BOTH(AERL, aerl, aerl);
  BOTH(FRMW, frmw, frmw);
  BOTH(LPA, lpa, lpa);
  BOTH(ELPE, elpe, elpe);
  BOTH(NPSS, npss, npss);
  BOTH(AVSCC, avscc, avscc);
  BOTH(APSTA, apsta, apsta);
  BOTH(WCTEMP, wctemp, wctemp);
  BOTH(CCTEMP, cctemp, cctemp);
  BOTH(MTFA, mtfa, mtfa);
  BOTH(HMPRE, hmpre, hmpre);
  BOTH(HMMIN, hmmin, hmmin);
  BOTH(TNVMCAP, tnvmcap, tnvmcap);
  BOTH(UNVMCAP, unvmcap, unvmcap);
  BOTH(RPMBS, rpmbs, rpmbs);
  BOTH(EDSTT, edstt, edstt);
  BOTH(DSTO, dsto, dsto);
  BOTH(FWUG, fwug, fwug);
  BOTH(KAS, kas, kas);
  BOTH(HCTMA, hctma, hctma);
  BOTH(MNTMT, mntmt, mntmt);
  BOTH(MXTMT, mxtmt, mxtmt);
  BOTH(SANICAP, sanicap, sanicap);
  BOTH(HMMINDS, hmminds, hmminds);
  BOTH(HMMAXD, hmmaxd, hmmaxd);
  BOTH(NSETIDMAX, nsetidmax, nsetidmax);
  BOTH(ENDGIDMAX, endgidmax, endgidmax);
  BOTH(ANATT, anatt, anatt);
  BOTH(ANACAP, anacap, anacap);
  BOTH(ANAGRPMAX, anagrpmax, anagrpmax);
  BOTH(NANAGRPID, nanagrpid, nanagrpid);
  BOTH(PELS, pels, pels);
  BOTH(SQES, sqes, sqes);
  BOTH(CQES, cqes, cqes);
  BOTH(MAXCMD, maxcmd, maxcmd);
  BOTH(NN, nn, nn);
  BOTH(ONCS, oncs, oncs);
  BOTH(FUSES, fuses, fuses);
  BOTH(FNA, fna, fna);
  BOTH(VWC, vwc, vwc);
  BOTH(AWUN, awun, awun);
  BOTH(AWUPF, awupf, awupf);
  BOTH(ICSVSCC, icsvscc, nvscc);
  BOTH(NWPC, nwpc, nwpc);
  BOTH(ACWU, acwu, acwu);
  BOTH(SGLS, sgls, sgls);
  BOTH(MNAN, mnan, mnan);
  BOTH(SUBNQN, subnqn, subnqn);
  BOTH(PSD, psd, psd);
  BOTH(VS, vs, vendor);
#undef BOTH
  SAME(ID_CTRL, CRDT1, struct nvme_id_ctrl, crdt1);
  SAME(ID_CTRL, CRDT3, struct nvme_id_ctrl, crdt3);
  SAME(ID_CTRL, DID, struct nvme_id_ctrl, domainid);
  SAME(ID_CTRL, MEGCAP, struct nvme_id_ctrl, megcap);
  SAME(ID_CTRL, CDFS, struct nvme_id_ctrl, ocfs);
  SAME(ID_CTRL, MAXDNA, struct nvme_id_ctrl, maxdna);
  SAME(ID_CTRL, MAXCNA, struct nvme_id_ctrl, maxcna);
  SAME(ID_CTRL, IOCCSZ, struct nvme_id_ctrl, ioccsz);
  SAME(ID_CTRL, IORCSZ, struct nvme_id_ctrl, iorcsz);
  SAME(ID_CTRL, ICDOFF, struct nvme_id_ctrl, icdoff);
  SAME(ID_CTRL, FCATT, struct nvme_id_ctrl, fcatt);
  SAME(ID_CTRL, MSDBD, struct nvme_id_ctrl, msdbd);
  SAME(ID_CTRL, OFCS, struct nvme_id_ctrl, ofcs);
  SAME(ID_CTRL, DCTYPE, struct nvme_id_ctrl, dctype);
  SAME(POWER_STATE, MP, struct nvme_id_psd, mp);
  SAME(POWER_STATE, FLAGS, struct nvme_id_psd, flags);
  SAME(POWER_STATE, ENLAT, struct nvme_id_psd, enlat);
  SAME(POWER_STATE, EXLAT, struct nvme_id_psd, exlat);
  SAME(POWER_STATE, RWLB, struct nvme_id_psd, rwl);
  SAME(POWER_STATE, IDLP, struct nvme_id_psd, idlp);
  SAME(POWER_STATE, IPS, struct nvme_id_psd, ips);
  SAME(POWER_STATE, ACTP, struct nvme_id_psd, actp);
  SAME(POWER_STATE, APS, struct nvme_id_psd, apws);
}

static void identify_namespace(void **state) {
  (void)state;
  SIZE(ID_NS, struct nvme_id_ns);
#define NS(id, field) SAME(ID_NS, id, struct nvme_id_ns, field)
  NS(NSZE, nsze);
  NS(NCAP, ncap);
  NS(NUSE, nuse);
  NS(NSFEAT, nsfeat);
  NS(NLBAF, nlbaf);
  NS(FLBAS, flbas);
  NS(MC, mc);
  NS(DPC, dpc);
  NS(DPS, dps);
  NS(NMIC, nmic);
  NS(RESCAP, rescap);
  NS(FPI, fpi);
  NS(DLFEAT, dlfeat);
  NS(NAWUN, nawun);
  NS(NAWUPF, nawupf);
  NS(NACWU, nacwu);
  NS(NABSN, nabsn);
  NS(NABO, nabo);
  NS(NABSPF, nabspf);
  NS(NOIOB, noiob);
  NS(NVMCAP, nvmcap);
  NS(NPWG, npwg);
  NS(NPWA, npwa);
  NS(NPDG, npdg);
  NS(NPDA, npda);
  NS(NOWS, nows);
  NS(MSSRL, mssrl);
  NS(MCL, mcl);
  NS(MSRC, msrc);
  NS(NULBAF, nulbaf);
  NS(ANAGRPID, anagrpid);
  NS(NSATTR, nsattr);
  NS(NVMSETID, nvmsetid);
  NS(ENDGID, endgid);
  NS(NGUID, nguid);
  NS(EUI64, eui64);
  NS(LBAF, lbaf);
#undef NS
  SAME(ID_NS, NSATTR, struct nvt_id_namespace, nsattr);
  SAME(ID_NS, NGUID, struct nvt_id_namespace, nguid);
  SAME(LBA_FORMAT, MS, struct nvme_lbaf, ms);
  SAME(LBA_FORMAT, LBADS, struct nvme_lbaf, ds);
  SAME(LBA_FORMAT, RPB, struct nvme_lbaf, rp);
  SAME(ID_NS_NVM, LBSTM, struct nvme_nvm_id_ns, lbstm);
  SAME(ID_NS_NVM, PIC, struct nvme_nvm_id_ns, pic);
  SAME(ID_NS_NVM, ELBAF, struct nvme_nvm_id_ns, elbaf);
  SAME(ID_CTRL_NVM, WUSL, struct nvme_id_ctrl_nvm, wusl);
  SAME(ID_CTRL_NVM, DMRSL, struct nvme_id_ctrl_nvm, dmrsl);
  SAME(ID_CTRL_NVM, DMSL, struct nvme_id_ctrl_nvm, dmsl);
  SAME(ID_NS_ZNS, OZCS, struct nvme_zns_id_ns, ozcs);
  SAME(ID_NS_ZNS, MAR, struct nvme_zns_id_ns, mar);
  SAME(ID_NS_ZNS, FRL3, struct nvme_zns_id_ns, frl3);
  SAME(ID_NS_ZNS, NUMZRWA, struct nvme_zns_id_ns, numzrwa);
  SAME(ID_NS_ZNS, ZRWACAP, struct nvme_zns_id_ns, zrwacap);
  SAME(ID_NS_ZNS, LBAFE, struct nvme_zns_id_ns, lbafe);
  SAME(ID_NS_INDEPENDENT, ANAGRPID, struct nvme_id_independent_id_ns, anagrpid);
  SAME(ID_NS_INDEPENDENT, NSTAT, struct nvme_id_independent_id_ns, nstat);
}

static void lists(void **state) {
  (void)state;
  SAME(NSID_LIST, NSID, struct nvme_ns_list, ns);
  SAME(CTRL_LIST, NUM, struct nvme_ctrl_list, num);
  STARTS(CTRL_LIST, CNTLID, struct nvme_ctrl_list, identifier);
  SIZE(NVM_SET, struct nvme_nvmset_attr);
  SAME(NVM_SET, OWS, struct nvme_nvmset_attr, ows);
  SAME(NVM_SET, UNVMSETCAP, struct nvme_nvmset_attr, unvmsetcap);
  STARTS(NVM_SET_LIST, ENTRY, struct nvme_id_nvmset_list, ent);
  SAME(PRIMARY_CAPS, VQGRAN, struct nvme_primary_ctrl_cap, vqgran);
  SAME(PRIMARY_CAPS, VIFRT, struct nvme_primary_ctrl_cap, vifrt);
  SAME(PRIMARY_CAPS, VIGRAN, struct nvme_primary_ctrl_cap, vigran);
  SIZE(SECONDARY_CTRL, struct nvme_secondary_ctrl);
  SAME(SECONDARY_CTRL, NVI, struct nvme_secondary_ctrl, nvi);
  STARTS(SECONDARY_LIST, ENTRY, struct nvme_secondary_ctrl_list, sc_entry);
  STARTS(NS_GRANULARITY_LIST, NGD, struct nvme_id_ns_granularity_list, entry);
  SAME(UUID_ENTRY, UUID, struct nvme_id_uuid_list_entry, uuid);
  SAME(UUID_LIST, ENTRY, struct nvme_id_uuid_list, entry);
  SIZE(DOMAIN, struct nvme_id_domain_attr);
  SAME(DOMAIN, MEGDC, struct nvme_id_domain_attr, max_egrp_dom_cap);
  SAME(IO_COMMAND_SETS, IOCSC, struct nvme_id_iocs, iocsc);
}

static void log_pages(void **state) {
  (void)state;
  SIZE(ERROR_ENTRY, struct nvme_error_log_page);
  SAME(ERROR_ENTRY, STS, struct nvme_error_log_page, status_field);
  SAME(ERROR_ENTRY, LBA, struct nvme_error_log_page, lba);
  SAME(ERROR_ENTRY, TRTYPE, struct nvme_error_log_page, trtype);
  SAME(ERROR_ENTRY, CSINFO, struct nvme_error_log_page, cs);
  SAME(ERROR_ENTRY, TTSI, struct nvme_error_log_page, trtype_spec_info);
  SAME(ERROR_ENTRY, NSID, struct nvt_log_error, nsid);
  SIZE(LOG_SMART, struct nvme_smart_log);
  SAME(LOG_SMART, CTEMP, struct nvme_smart_log, temperature);
  SAME(LOG_SMART, DUR, struct nvme_smart_log, data_units_read);
  SAME(LOG_SMART, NEILE, struct nvme_smart_log, num_err_log_entries);
  SAME(LOG_SMART, TSEN, struct nvme_smart_log, temp_sensor);
  SAME(LOG_SMART, TTTMT2, struct nvme_smart_log, thm_temp2_total_time);
  SAME(LOG_SMART, WCTT, struct nvt_log_smart, warning_minutes);
  SIZE(LOG_FIRMWARE, struct nvme_firmware_slot);
  STARTS(LOG_FIRMWARE, FRS1, struct nvme_firmware_slot, frs);
  SAME(LOG_EFFECTS, IOCS, struct nvme_cmd_effects_log, iocs);
  SIZE(LOG_SELF_TEST, struct nvme_self_test_log);
  SIZE(SELF_TEST_ENTRY, struct nvme_st_result);
  SAME(SELF_TEST_ENTRY, FLBA, struct nvme_st_result, flba);
  SAME(SELF_TEST_ENTRY, SC, struct nvme_st_result, sc);
  SAME(LOG_TELEMETRY_HOST, THDA4LB, struct nvme_telemetry_log, dalb4);
  SAME(LOG_TELEMETRY_HOST, TCDA, struct nvme_telemetry_log, ctrlavail);
  SAME(LOG_TELEMETRY_HOST, RID, struct nvme_telemetry_log, rsnident);
  SIZE(LOG_ENDURANCE_GROUP, struct nvme_endurance_group_log);
  SAME(LOG_ENDURANCE_GROUP, EE, struct nvme_endurance_group_log, endurance_estimate);
  SAME(LOG_ENDURANCE_GROUP, NEILE, struct nvme_endurance_group_log, num_err_info_log_entries);
  SAME(LOG_PREDICTABLE_LATENCY, NDWINTML, struct nvme_nvmset_predictable_lat_log, ndwin_tmin_lo);
  SAME(LOG_PREDICTABLE_LATENCY, DTWINTE, struct nvme_nvmset_predictable_lat_log, dtwin_te);
  STARTS(LOG_ANA, GROUP, struct nvme_ana_log, descs);
  SAME(ANA_GROUP, ANASB, struct nvme_ana_group_desc, state);
  STARTS(ANA_GROUP, NSID, struct nvme_ana_group_desc, nsids);
  SIZE(LOG_PERSISTENT, struct nvme_persistent_event_log);
  SAME(LOG_PERSISTENT, SUBNQN, struct nvme_persistent_event_log, subnqn);
  SAME(LOG_PERSISTENT, SEB, struct nvme_persistent_event_log, seb);
  SIZE(PERSISTENT_EVENT, struct nvme_persistent_event_entry);
  SAME(PERSISTENT_EVENT, VSIL, struct nvme_persistent_event_entry, vsil);
  SIZE(EVENT_FIRMWARE, struct nvme_fw_commit_event);
  SIZE(EVENT_NAMESPACE, struct nvme_change_ns_event);
  SAME(EVENT_NAMESPACE, NSID, struct nvme_change_ns_event, nsid);
  SIZE(RESET_INFORMATION, struct nvme_power_on_reset_info_list);
  STARTS(LOG_LBA_STATUS, ELEMENT, struct nvme_lba_status_log, elements);
  STARTS(LBA_STATUS_NS, RANGE, struct nvme_lbas_ns_element, lba_rd);
  SAME(CAPACITY_GROUP, EGSETS, struct nvme_end_grp_config_desc, egsets);
  STARTS(CAPACITY_CONFIG, GROUP, struct nvme_capacity_config_desc, egcd);
  SIZE(LOG_RESERVATION, struct nvme_resv_notification_log);
  SAME(LOG_RESERVATION, NSID, struct nvme_resv_notification_log, nsid);
  SIZE(LOG_SANITIZE, struct nvme_sanitize_log_page);
  SAME(LOG_SANITIZE, ETCEND, struct nvme_sanitize_log_page, etcend);
  SIZE(LOG_CHANGED_ZONES, struct nvme_zns_changed_zone_log);
  SAME(LOG_CHANGED_ZONES, ZID, struct nvme_zns_changed_zone_log, zid);
}

static void data(void **state) {
  (void)state;
  SIZE(ZONE_DESCRIPTOR, struct nvme_zns_desc);
  SAME(ZONE_DESCRIPTOR, WP, struct nvme_zns_desc, wp);
  STARTS(ZONE_REPORT, ZONE, struct nvme_zone_report, entries);
  SIZE(DSM_RANGE, struct nvme_dsm_range);
  SAME(DSM_RANGE, SLBA, struct nvme_dsm_range, slba);
  SAME(DSM_RANGE, NLB, struct nvt_dsm_range, nlb);
  SIZE(COPY_RANGE_0, struct nvme_copy_range);
  SIZE(COPY_RANGE_1, struct nvme_copy_range_f1);
  SAME(COPY_RANGE_0, NLB, struct nvme_copy_range, nlb);
  SAME(COPY_RANGE_1, ELBT, struct nvme_copy_range_f1, elbt);
  SIZE(REGISTRANT, struct nvme_registered_ctrl);
  SAME(REGISTRANT, RKEY, struct nvme_registered_ctrl, rkey);
  SAME(REGISTRANT_EXTENDED, HOSTID, struct nvme_registered_ctrl_ext, hostid);
  SAME(RESERVATION_STATUS, REGSTRNT, struct nvme_resv_status, regctl);
  STARTS(RESERVATION_STATUS, REGISTRANT, struct nvme_resv_status, regctl_ds);
  STARTS(RESERVATION_STATUS_EXTENDED, REGISTRANT, struct nvme_resv_status, regctl_eds);
  SAME(STREAMS_PARAMETERS, NSO, struct nvme_streams_directive_params, nso);
  SAME(LBA_STATUS_DESCRIPTOR, STATUS, struct nvme_lba_status_desc, status);
  SIZE(FDP_CONFIG, struct nvme_fdp_config_desc);
  SAME(FDP_CONFIG, ERUTL, struct nvme_fdp_config_desc, erutl);
  SIZE(FDP_EVENT, struct nvme_fdp_event);
  SAME(FDP_EVENT, NSID, struct nvme_fdp_event, nsid);
  STARTS(RUH_STATUS, RUH, struct nvme_fdp_ruh_status, ruhss);
  SIZE(DISCOVERY_ENTRY, struct nvmf_disc_log_entry);
  SAME(DISCOVERY_ENTRY, TRADDR, struct nvmf_disc_log_entry, traddr);
  STARTS(DISCOVERY_ENTRY, TCP, struct nvmf_disc_log_entry, tsas);
  SIZE(CONNECT_DATA, struct nvmf_connect_data);
  SAME(CONNECT_DATA, HOSTNQN, struct nvmf_connect_data, hostnqn);
  SAME(DIM_DATA, EVER, struct nvmf_dim_data, ever);
  SAME(LBA_RANGE, GUID, struct nvme_lba_range_type_entry, guid);
  SAME(PLM_DATA, DTWINTT, struct nvme_plm_config, dtwintt);
  SIZE(HOST_BEHAVIOR, struct nvme_feat_host_behavior);
  SAME(HMB_ATTRIBUTES, HMDLEC, struct nvme_host_mem_buf_attrs, hmdlec);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(identify_controller),
      cmocka_unit_test(identify_namespace),
      cmocka_unit_test(lists),
      cmocka_unit_test(log_pages),
      cmocka_unit_test(data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
