// The smallest Ceph that is still a real one: no manager, no authentication between the daemons, one replica in memory.

export interface CephPorts {
  mon: number;
  rgw: number;
  osdMin: number;
  osdMax: number;
}

export function cephConf(directory: string, fsid: string, ports: CephPorts): string {
  const at = (name: string) => `${directory}/${name}`;
  return `[global]
fsid = ${fsid}
mon_host = v2:127.0.0.1:${ports.mon}/0
ms_bind_msgr1 = false
ms_bind_port_min = ${ports.osdMin}
ms_bind_port_max = ${ports.osdMax}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = ${at("run")}
admin_socket = ${at("run")}/$name.asok
log_file = ${at("log")}/$name.log
crash_dir = ${at("log")}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
# A killed radosgw is forgotten after so many seconds; until then its successor's first new bucket waits for it.
osd_client_watch_timeout = 3

[mon]
mon_data = ${at("mon")}
mon_cluster_log_file = ${at("log")}/cluster.log
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
mon_data_avail_warn = 1
mon_data_avail_crit = 1

[osd]
osd_data = ${at("osd")}
osd_objectstore = memstore
memstore_device_bytes = 8G

[client]
rgw_lc_max_objs = 2
rgw_lc_max_worker = 1
rgw_lc_max_wp_worker = 1
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 5
rgw_rados_pool_pg_num_min = 4

[client.rgw]
# Without this line radosgw hangs silently when authentication is off.
ms_mon_client_mode = crc
rgw_data = ${at("rgw")}
rgw_enable_lc_threads = false
# Without tcp_nodelay each reply takes 45 ms.
rgw_frontends = beast endpoint=127.0.0.1:${ports.rgw} tcp_nodelay=1
`;
}
