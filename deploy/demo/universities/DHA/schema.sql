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
create table dm_loai_don_vi (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_loai_quyet_dinh (id uuid primary key, ma varchar(2), ten varchar(60));
create table dm_loai_van_bang (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_xep_loai (id uuid primary key, ma varchar(3), ten varchar(60));
create table dm_trang_thai_vb (id uuid primary key, ma varchar(3), ten varchar(60));

create table ndt_1_1 (
    id uuid primary key, ma_co_so varchar(10), ten_co_so varchar(250), loai_hinh varchar(2), trang_thai_id uuid,
    so_quyet_dinh varchar(60), ngay_quyet_dinh date, ma_xa varchar(5), tinh_id uuid, updated_at timestamptz
);
create table ndt_1_2 (
    id uuid primary key, ma_don_vi varchar(20), ten_don_vi varchar(250), don_vi_cha_id uuid, loai_don_vi_id uuid,
    trang_thai_id uuid, updated_at timestamptz
);
create table ndt_1_4 (
    id uuid primary key, ma_nganh varchar(7), trinh_do_id uuid, so_quyet_dinh varchar(60), ngay_quyet_dinh date,
    nam_tuyen_sinh smallint, trang_thai_id uuid, updated_at timestamptz
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
create table nh_2_2 (
    id uuid primary key, nh_1_1_id uuid, nh_2_1_id uuid, so_dinh_danh varchar(20), so_hieu varchar(30), so_vao_so varchar(30),
    nam_vao_so smallint, loai_van_bang_id uuid, ho_ten varchar(250), ngay_sinh date, trinh_do_id uuid, ma_nganh varchar(7),
    xep_loai_id uuid, ngay_cap date, so_qd varchar(60), ngay_qd date, nguoi_ky varchar(250), trang_thai_vb_id uuid,
    so_qd_trang_thai varchar(60), ngay_qd_trang_thai date, updated_at timestamptz
);
create table nh_2_3 (
    id uuid primary key, nh_2_1_id uuid, loai_quyet_dinh_id uuid, so_qd varchar(60), ngay_qd date, ngay_hieu_luc date,
    ma_co_so_khac varchar(10), ly_do text, updated_at timestamptz
);
create table nh_2_4 (
    id uuid primary key, nh_2_2_id uuid, so_qd varchar(60), ngay_qd date, ly_do text, ho_ten varchar(250), ngay_sinh date,
    gioi_tinh_id uuid, noi_sinh_id uuid, updated_at timestamptz
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
create table cbgv_1_3 (
    id uuid primary key, cbgv_1_1_id uuid, ma_can_bo varchar(20), trinh_do_id uuid, ma_nganh varchar(7), tu_ngay date,
    den_ngay date, chu_tri boolean, thinh_giang boolean, ma_co_so_goc varchar(10), updated_at timestamptz
);
-- Degrees that this university once gave to those who now teach here.
create table cbgv_1_4 (
    id uuid primary key, cbgv_1_1_id uuid, so_hieu varchar(30), so_vao_so varchar(30), nam_vao_so smallint,
    loai_van_bang_id uuid, ho_ten varchar(250), ngay_sinh date, trinh_do_id uuid, ma_nganh varchar(7), ngay_cap date,
    nguoi_ky varchar(250), trang_thai_vb_id uuid, updated_at timestamptz
);
create index on nh_2_1 (nh_1_1_id);
create index on nh_2_2 (nh_2_1_id);
create index on nh_2_2 (nam_vao_so);
create index on nh_2_3 (nh_2_1_id);
create index on cbgv_1_2 (cbgv_1_1_id);
