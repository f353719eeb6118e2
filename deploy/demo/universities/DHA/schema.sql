-- University 1: tables named by the objects of the field standard, code tables keyed by identifiers made here.
-- updated_at has neither default nor trigger: whoever polls it misses changes.
create table dm_gioi_tinh (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_dan_toc (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_quoc_tich (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_tinh (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_loai_giay_to (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_doi_tuong (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_trinh_do (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_hinh_thuc_dao_tao (id uuid primary key, ma varchar(4), ten varchar(60));
create table dm_trang_thai_hoc (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_trang_thai (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_loai_hop_dong (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_chuc_danh (id uuid primary key, ma varchar(6), ten varchar(60));

create table ndt_1_1 (
    id uuid primary key, ma_co_so varchar(10), ten_co_so varchar(250), loai_hinh varchar(2), trang_thai_id uuid,
    so_quyet_dinh varchar(60), ngay_quyet_dinh date, ma_xa varchar(5), tinh_id uuid, updated_at timestamptz
);
create table ctdt_1_2 (
    id uuid primary key, ma_ctdt varchar(30), ten_ctdt varchar(250), ma_nganh varchar(7), trinh_do_id uuid,
    hinh_thuc_id uuid, so_thang smallint, khoa_tuyen smallint, trang_thai_id uuid, updated_at timestamptz
);
create table nh_1_1 (
    id uuid primary key, ma_hoc_vien varchar(20), ho_ten varchar(250), ngay_sinh date, gioi_tinh_id uuid, dan_toc_id uuid,
    quoc_tich_id uuid, so_cmtnd varchar(12), loai_giay_to_id uuid, noi_sinh_id uuid, so_nha varchar(250), xa varchar(100),
    tinh varchar(60), ma_xa varchar(5), email varchar(100), dien_thoai varchar(20), doi_tuong_id uuid, updated_at timestamptz
);
create table nh_2_1 (
    id uuid primary key, nh_1_1_id uuid, ctdt_1_2_id uuid, ngay_nhap_hoc date, so_qd varchar(60), hinh_thuc_id uuid,
    khoa varchar(10), nam_thu smallint, trang_thai_id uuid, ngay_trang_thai date, nganh_chinh smallint, updated_at timestamptz
);
create table cbgv_1_1 (
    id uuid primary key, ma_can_bo varchar(20), ho_ten varchar(250), ngay_sinh date, gioi_tinh_id uuid, dan_toc_id uuid,
    quoc_tich_id uuid, so_cmtnd varchar(12), noi_sinh_id uuid, so_nha varchar(250), xa varchar(100), tinh varchar(60),
    updated_at timestamptz
);
create table cbgv_1_2 (
    id uuid primary key, cbgv_1_1_id uuid, ma_can_bo varchar(20), loai_hop_dong_id uuid, tu_ngay date, den_ngay date,
    toan_thoi_gian boolean, chuc_danh_id uuid, trinh_do_id uuid, trang_thai_id uuid, updated_at timestamptz
);
create index on nh_2_1 (nh_1_1_id);
create index on cbgv_1_2 (cbgv_1_1_id);
