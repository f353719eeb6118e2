-- A fourth university, whose schema nobody has seen: people apart from learners, names in two columns, codes as numbers and letters,
-- one date as a date and one as text.
create table ctdt (
  id_ctdt text primary key, ten_ctdt text, ma_so_nganh text, bac text, loai_hinh text, so_thang int);
create table ca_nhan (
  id_cn int primary key, ho_dem text, ten text, ngay_sinh date, phai smallint, so_cccd text, ghi_chu text);
create table nguoi_hoc (mssv text primary key, id_cn int references ca_nhan, thu_dt text);
create table qua_trinh (
  id_qt int primary key, mssv text references nguoi_hoc, id_ctdt text references ctdt, ngay_vao text, tt smallint);
create table lich_su_dang_nhap (luc timestamptz, ai text);
insert into ctdt values ('KT1', 'Kế toán', '7340301', 'DH', 'CQ', 48), ('QT2', 'Quản trị', '8340101', 'THS', 'VLVH', 24);
insert into ca_nhan
  select i, 'Lương Thị Kim', 'Số ' || i, date '2002-01-01' + i, i % 2, '001' || (i % 2 + 2) || '02' || lpad(i::text, 6, '0'), 'x'
  from generate_series(1, 400) i;
insert into nguoi_hoc select 'D' || i, i, 'd' || i || '@dhd.example' from generate_series(1, 400) i;
insert into qua_trinh
  select i, 'D' || i, case when i % 9 = 0 then 'QT2' else 'KT1' end, '05-09-2025', 1 + i % 4 from generate_series(1, 400) i;
